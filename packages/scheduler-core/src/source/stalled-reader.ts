import type { Group } from "../books/group.ts";
import type { Wanting } from "../books/member.ts";
import { endGrant, restFromSource } from "../happenings/failed-grant.ts";
import { pieceMsOf } from "../connections/registry-connections.ts";
import type { Turn } from "../turn.ts";
import { chooseReader, nobodyWaits } from "./choose-reader.ts";
import { sharedPieceMs } from "./shared-registry.ts";
import { readRate } from "./read-rate.ts";

/** Pieces a reader is given the time of: one may be cut in two by a report, another delayed by a busy link. */
const PIECES_WAITED = 4;
/** Where each connection is slow, pieces of several of them come together, and then none for the time of one. */
const PIECES_ON_CONNECTION = 2;
/** Twice the usual is a reader in trouble, not a busy registry. */
const FIRST_BYTES_WAITED = 2;

/**
 * A reader from whose source nothing comes any more loses all its stripes to others.
 *
 *     stalled ⇔ no piece for patience
 *     patience = max(stallMs, 4 × the time of a piece at its measured rate, 2 × that on one connection, 2 × the registry's slowest first byte,
 *                    4 × what it waits for other blobs: `shared-registry.ts`)
 *                while its rate is unknown: one piece at the slowest useful rate
 *     not for preheats alone: nobody waits
 *     where others read and none of them had a piece within half of its patience, it is the registry: `late-pieces.ts` waits longer
 */
export function endStalledReads(turn: Turn, group: Group): void {
  const readers = readersOf(group);
  const stalled = readers.filter((reader) => stallsAt(turn, reader) <= turn.now);
  if (stalled.length === 0 || nobodyWaits(group)) return;
  const isGiving = (reader: Wanting): boolean => 2 * (turn.now - lastSignOf(reader)) <= patienceWith(turn, reader);
  if (readers.length > 1 && !readers.some(isGiving)) return;
  for (const reader of stalled) {
    if (chooseReader(turn, group, Number.MAX_SAFE_INTEGER, [], reader) === undefined) continue;
    restFromSource(turn, reader, 0);
    for (const grant of [...reader.peer.grants.values()]) if (grant.parent === undefined) endGrant(turn, grant, true);
  }
}

/** When the first reader is stalled, if nothing comes before; undefined where none can be, or all are. */
export function nextStall(turn: Turn, group: Group): number | undefined {
  let next: number | undefined;
  for (const reader of readersOf(group)) {
    const at = stallsAt(turn, reader);
    if (at > turn.now && (next === undefined || at < next)) next = at;
  }
  return next !== undefined && next < Number.MAX_SAFE_INTEGER ? next : undefined;
}

function readersOf(group: Group): Wanting[] {
  return [...new Set([...group.stripes].map(({ child }) => child as Wanting))];
}

function stallsAt(turn: Turn, reader: Wanting): number {
  return lastSignOf(reader) + patienceWith(turn, reader);
}

function lastSignOf({ peer }: Wanting): number {
  let begunAt = Number.MAX_SAFE_INTEGER;
  for (const { parent, progressAt } of peer.grants.values()) if (parent === undefined) begunAt = Math.min(begunAt, progressAt);
  return Math.max(begunAt, peer.sourceProgressAt);
}

function patienceWith(turn: Turn, reader: Wanting): number {
  const { limits, swarm, memory } = turn;
  const { firstByteMs, slowestFirstByteMs, connections } = memory.registries.of(reader.registry);
  // It gave nobody a byte yet.
  if (firstByteMs === undefined) return Number.MAX_SAFE_INTEGER;
  const rate = readRate(reader);
  const sharedMs = PIECES_WAITED * sharedPieceMs(turn, reader);
  const pieces = rate > 0 ? PIECES_WAITED : 1;
  const pieceMs = Math.ceil((swarm.pieceBytes * 1000) / Math.max(rate, limits.slowestBytesPerSecond));
  const onConnectionMs = PIECES_ON_CONNECTION * pieceMsOf(connections, swarm.pieceBytes);
  return Math.max(limits.stallMs, sharedMs, pieces * pieceMs, onConnectionMs, FIRST_BYTES_WAITED * slowestFirstByteMs);
}
