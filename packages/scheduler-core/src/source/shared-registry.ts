import type { Member } from "../books/member.ts";
import type { Turn } from "../turn.ts";

/**
 * What a piece waits for those of other blobs that are read from the same registry, in milliseconds, where all have equal parts of what it gives;
 * 0 while that is unknown.
 *
 *     shared = piece × connections that are told to readers of other blobs / what the registry gives to all who read it
 *
 * Sixteen layers at once are read on 32 connections: a piece of 256 KiB then takes 2.7 s at 25 Mbit/s, and no reader stalls. (Eight hosts on real
 * links: 1.29 copies left the registry where each was given up after two seconds.)
 */
export function sharedPieceMs({ memory, swarm }: Pick<Turn, "memory" | "swarm">, reader: Member): number {
  const { told, flow } = memory.registries.of(reader.registry);
  if (flow.bytesPerSecond === 0) return 0;
  let own = 0;
  for (const { peer } of new Set([...swarm.groupOf(reader).stripes].map(({ child }) => child))) own += peer?.connections ?? 0;
  return Math.ceil((swarm.pieceBytes * Math.max(0, told - own) * 1000) / flow.bytesPerSecond);
}
