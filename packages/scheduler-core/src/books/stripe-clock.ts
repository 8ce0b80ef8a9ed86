import type { Peer } from "./member.ts";

/**
 * Notes which stripes of a reader are being read since when: as many at once as it was told, in the order of their grants; the next one begins
 * when one ends.
 */
export function beginStripes({ grants, connections }: Peer, now: number): void {
  let reading = 0;
  for (const grant of grants.values()) {
    if (grant.parent !== undefined) continue;
    if (grant.begunAt === undefined && reading >= connections) return;
    grant.begunAt ??= now;
    reading += 1;
  }
}
