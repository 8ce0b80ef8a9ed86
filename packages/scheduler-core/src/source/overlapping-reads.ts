import type { Wanting } from "../books/member.ts";
import type { Registry } from "../books/registry-table.ts";
import { usefulFor } from "../connections/registry-connections.ts";
import { readRate } from "./read-rate.ts";
import { shareOf } from "./connection-share.ts";
import type { Turn } from "../turn.ts";

/** A first byte that takes a smaller part of a stripe than this costs less than a second connection disturbs. */
const NOTICED_PART = 1 / 4;

/** More than this from one host is a burden for a registry. */
const MAX_OVERLAPPING = 4;

/**
 * How many stripes a reader reads at once, within its share of what the registry bears (`connection-share.ts`), so that its link does not idle while the first byte of the next one is on its way.
 *
 *     connections = max(what the registry bears usefully, min(4, 1 + first byte / stripe time))   where first byte > 1/4 × stripe time, and > a piece
 *                   what the registry bears usefully                                             else, or where the rate is unknown
 *     stripe time = its bytes / measured rate; what one piece takes may be in the first byte while no rate is known
 */
export function connectionsOf(turn: Turn, reader: Wanting, stripePieces: number): number {
  return Math.min(shareOf(turn, reader), Math.max(usefulTo(turn, reader), overlapOf(turn, reader, stripePieces)));
}

/** How many of them because the registry gives each connection little. */
export function usefulTo({ memory }: Pick<Turn, "memory">, reader: Wanting): number {
  const registry = memory.registries.of(reader.registry);
  return usefulFor(registry.connections, reader.host.id, readersWith(registry, reader));
}

/** How many read a registry, and are about to, where this one does. */
export function readersWith({ readers, coming }: Registry, { peer }: Wanting): number {
  return peer.stripes > 0 ? readers + coming : Math.max(readers + 1, readers + coming);
}

/** How many of them it reads at once only so that its link does not idle. */
export function overlapOf({ memory, swarm }: Pick<Turn, "memory" | "swarm">, reader: Wanting, stripePieces: number): number {
  const { firstByteMs = 0 } = memory.registries.of(reader.registry);
  const stripeMs = (stripePieces * swarm.pieceBytes * 1000) / readRate(reader);
  const pieceMs = stripeMs / stripePieces;
  const overlapping = firstByteMs > Math.max(pieceMs, NOTICED_PART * stripeMs) ? 1 + Math.ceil(firstByteMs / stripeMs) : 1;
  return Math.min(overlapping, MAX_OVERLAPPING);
}
