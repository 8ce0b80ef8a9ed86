import type { Member } from "../books/member.ts";
import type { Registry } from "../books/registry-table.ts";
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
  const registry = memory.registries.of(reader.registry);
  let own = 0;
  for (const { peer } of new Set([...swarm.groupOf(reader).stripes].map(({ child }) => child))) own += peer?.connections ?? 0;
  return pieceMsOver({ swarm }, registry, Math.max(0, registry.told - own));
}

/** What a piece takes where all connections to its registry have equal parts of what it gives; 0 while that is unknown. */
export function equalPieceMs(turn: Pick<Turn, "swarm">, registry: Registry): number {
  return pieceMsOver(turn, registry, registry.told);
}

function pieceMsOver({ swarm }: Pick<Turn, "swarm">, { flow }: Registry, connections: number): number {
  return flow.bytesPerSecond === 0 ? 0 : Math.ceil((swarm.pieceBytes * connections * 1000) / flow.bytesPerSecond);
}
