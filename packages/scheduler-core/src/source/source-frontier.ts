import { chooseReader, mayRead, readsWhole, stripesOf } from "./choose-reader.ts";
import { give, withdraw } from "../books/grant-book.ts";
import type { Group } from "../books/group.ts";
import { isWanting, lacks, type Grant, type Wanting } from "../books/member.ts";
import { stripeLength } from "./run-length.ts";
import { spread } from "../feeding/spread-run.ts";
import { MAX_FAN_OUT, treeShape } from "../feeding/tree-shape.ts";
import type { Turn } from "../turn.ts";

/** Whether nobody in the group holds the piece or reads it: only the source can bring it. */
export function isCold(group: Group, piece: number): boolean {
  return (group.held[piece] ?? 0) === 0 && !group.reading.has(piece);
}

/**
 * Moves the source frontier: as long as cold pieces are left and readers are free, the next stripe goes to one of them.
 *
 *     readers ≤ min(maxReadersPerBlob, peers that may read)
 */
export function advanceFrontier(turn: Turn, group: Group): void {
  const cold = firstCold(group, 0);
  if (cold === undefined || group.waiting(1) === 0) return;
  for (let readers = group.readers; readers < turn.limits.maxReadersPerBlob; readers++) {
    const reader = chooseReader(turn, group, 0);
    if (reader === undefined || !giveStripe(turn, group, reader)) return;
  }
}

/**
 * Gives a reader its next stripe before its last one ends.
 *
 *     due ⇔ one stripe in progress and at most max(1, half) of it owed
 */
export function continueReader(turn: Turn, group: Group, member: Wanting): void {
  if (!mayRead(turn, member) || readsWhole(turn, member) || stripesOf(member) !== 1) return;
  const current = [...member.peer.grants.values()].find((grant) => grant.parent === undefined);
  if (current !== undefined && current.left <= Math.max(1, current.promised >> 1)) giveStripe(turn, group, member);
}

/** Gives a reader the stripe at the frontier (or at `from`), and lets the others have it from there; false where nothing is cold. */
export function giveStripe(turn: Turn, group: Group, reader: Wanting, from?: number): boolean {
  const cold = coldPieces(group);
  const first = firstNeeded(group, from) ?? cold[0];
  if (first === undefined) return false;
  if (readsWhole(turn, reader)) return giveWhole(turn, group, reader, cold);
  const length = stripeFor(turn, group, reader, cold.length);
  const pieces: number[] = [];
  for (let piece = first; pieces.length < length && piece < group.pieces && isCold(group, piece); piece++) pieces.push(piece);
  giveStripeOf(turn, group, reader, pieces);
  return true;
}

/** How long a stripe this reader is given next, of so many pieces that are left to read. */
export function stripeFor(turn: Turn, group: Group, reader: Wanting, left: number): number {
  const { limits, swarm, memory } = turn;
  return stripeLength(limits, swarm.pieceBytes, {
    left,
    waiting: group.waiting(MAX_FAN_OUT),
    readers: treeShape(turn, group, "stripe").roots,
    sourceRate: reader.host.fromSource.bytesPerSecond,
    firstByteMs: memory.registries.of(reader.registry).firstByteMs ?? 0,
  });
}

/** Lets a reader read exactly these neighbouring pieces, whatever it was promised of them before. */
export function giveStripeOf(turn: Turn, group: Group, reader: Wanting, pieces: readonly number[]): void {
  freePromises(turn, reader, pieces);
  give(turn, { child: reader, parent: undefined, pieces, unit: true });
  spread(turn, group, reader, pieces, treeShape(turn, group, "stripe"));
}

/** A source without ranges: one reader gets everything that is cold, as one grant from piece 0 on; all others are fed by it. */
function giveWhole(turn: Turn, group: Group, reader: Wanting, pieces: readonly number[]): boolean {
  const last = pieces.at(-1);
  if (last === undefined || [...group.stripes].some((grant) => readsWhole(turn, grant.child as Wanting))) return false;
  freePromises(turn, reader, pieces);
  give(turn, { child: reader, parent: undefined, pieces, unit: true, run: { first: 0, stride: 1, count: last + 1 } });
  spread(turn, group, reader, pieces, treeShape(turn, group, "whole"));
  return true;
}

/** The same for everything this reader lacks and nobody reads, also where somebody holds it whom it may not ask. */
export function readWhole(turn: Turn, group: Group, reader: Wanting): void {
  const pieces = Array.from({ length: group.pieces }, (_, piece) => piece);
  giveWhole(
    turn,
    group,
    reader,
    pieces.filter((piece) => lacks(reader, piece) && !group.reading.has(piece)),
  );
}

function freePromises(turn: Turn, reader: Wanting, pieces: readonly number[]): void {
  const affected = new Set<Grant>();
  for (const piece of pieces) {
    const grant = reader.peer.promised[piece];
    if (grant !== undefined) affected.add(grant);
  }
  for (const grant of affected) withdraw(turn, grant, pieces);
}

/** A stripe that came to nothing goes to somebody else at once, for the rest that is still cold. */
export function rescueStripes(turn: Turn, group: Group): void {
  for (const [piece, failed] of turn.rescue) {
    if (!isCold(group, piece)) continue;
    const reader = chooseReader(turn, group, Number.MAX_SAFE_INTEGER, failed) ?? chooseReader(turn, group, Number.MAX_SAFE_INTEGER);
    if (reader === undefined) return;
    if (readsWhole(turn, reader)) {
      giveStripe(turn, group, reader);
      return;
    }
    const rest: number[] = [];
    for (let next = piece; turn.rescue.get(next) === failed && isCold(group, next); next++) rest.push(next);
    giveStripeOf(turn, group, reader, rest);
  }
}

function coldPieces(group: Group): number[] {
  const pieces: number[] = [];
  for (let piece = firstCold(group, 0); piece !== undefined; piece = firstCold(group, piece + 1)) pieces.push(piece);
  return pieces;
}

function firstCold(group: Group, from: number): number | undefined {
  for (let piece = from; piece < group.pieces; piece++) if (isCold(group, piece)) return piece;
  return undefined;
}

/** The first cold piece that a reader somewhere waits for: the frontier goes there first. */
function firstNeeded(group: Group, from: number | undefined): number | undefined {
  if (from !== undefined && isCold(group, from)) return from;
  for (const member of group.needy) {
    if (!isWanting(member)) continue;
    const needed = member.peer.needs.find((piece) => isCold(group, piece));
    if (needed !== undefined) return needed;
  }
  return undefined;
}
