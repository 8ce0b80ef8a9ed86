import type { Digest } from "@darner/domain";
import type { HostFailure, Job } from "../job.ts";
import type { WarmContent } from "./effect.ts";
import type { TargetBook } from "./target-book.ts";

/** A scheduler is one of Dragonfly's clusters, and calls itself the first. */
export const CLUSTER = 1;

/** What no host of the scope could be found for. */
export const NOBODY =
  "no host of the asked scope has a session with this scheduler: check that the daemons run and are members (darner hosts list)";

/** The rows of what hosts could not get. */
export function failuresOf(targets: TargetBook, contents: ReadonlyMap<Digest, WarmContent>): HostFailure[] {
  if (targets.count("failed") === 0) return [];
  const rows: HostFailure[] = [];
  for (const target of targets.all()) {
    if (target.state !== "failed") continue;
    const { host, name: hostName, ip } = target.about;
    for (const { digest, reason = "the host left and did not come back" } of target.missing()) {
      const content = contents.get(digest);
      const url = content === undefined ? digest : urlOf(content);
      rows.push({ host, hostName, ip, cluster: CLUSTER, url, description: reason });
    }
  }
  return rows;
}

/** Why a job failed of which no host has everything. */
export function nobodyGotIt({ request }: Job, failures: readonly HostFailure[]): string {
  const name = request.images.map(({ repository, tag, digest }) => `${repository.registry}/${repository.name}${suffix(tag, digest)}`);
  const [first] = failures;
  return `${name.join(", ")}: no host could get it; ${first === undefined ? "none is left" : `${first.hostName}: ${first.description}`}`;
}

/** What is missing at a job's deadline. */
export function overdue({ request }: Job, targets: TargetBook, isAnybodyThere: boolean): string {
  const minutes = String(Math.round(request.deadlineMs / 60_000));
  if (targets.size === 0) return isAnybodyThere ? `not begun within ${minutes} minutes` : NOBODY;
  const open = targets.size - targets.count("complete");
  return `not done within ${minutes} minutes: ${String(open)} of ${String(targets.size)} hosts are not complete`;
}

/** The URL of a content at its registry. */
export function urlOf({ kind, digest, repository }: WarmContent): string {
  return `https://${repository.registry}/v2/${repository.name}/${kind === "blob" ? "blobs" : "manifests"}/${digest}`;
}

function suffix(tag: string | undefined, digest: string | undefined): string {
  return `${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}
