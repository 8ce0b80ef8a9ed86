import { chooseReader, mayRead, readsWhole } from "./choose-reader.ts";
import { give, withdrawFrom } from "../books/grant-book.ts";
import type { Group } from "../books/group.ts";
import type { Registry } from "../books/registry-table.ts";
import { isWanting, lacks, type Grant, type Member, type Wanting } from "../books/member.ts";
import { requestsLeft } from "../books/request-budget.ts";
import { TREES } from "../trees/spread-trees.ts";
import { MANY_WAITING, piecesAhead, stripeWithin } from "./deal-ahead.ts";
import { isOneEnough, noteShutOut } from "./connection-share.ts";
import { eachOf } from "../connections/registry-connections.ts";
import { connectionsOf, readersWith, usefulTo } from "./overlapping-reads.ts";
import { piecesInTurn, takesTurn, waitsOn } from "./blob-turns.ts";
import { readRate } from "./read-rate.ts";
import { stripeLength } from "./run-length.ts";
import { spread } from "../feeding/spread-run.ts";
import { MAX_FAN_OUT, treeShape } from "../feeding/tree-shape.ts";
import type { Turn } from "../turn.ts";

/** One reader, and how many pieces it still has to read. */
type Reader = { readonly reader: Wanting; readonly owed: number };

/** The same, with what it is dealt. */
type Queue = {
  readonly reader: Wanting;
  owed: number;
  /** Pieces that went down the tree it is the root of, or are to. */
  load: number;
  readonly stripePieces: number;
  /** Stripes it reads at once. */
  readonly connections: number;
  /** How many of them because the registry gives each connection little. */
  readonly useful: number;
  readonly stripes: number[][];
};

/**
 * Moves the source frontier: stripes are dealt to the readers ahead of time, many at once, so that hundreds of pieces take one message.
 *
 *     readers = min(maxReadersPerBlob, TREES, peers that may read)
 *     due     ⇔ some reader owes at most half a stripe besides one for each further connection, or was told of fewer connections than are useful, or has fewer stripes
 *     ahead   : see `deal-ahead.ts`; while more connections are tried: a stripe for each
 *     only in the blob's turn, and then no more than in one: `blob-turns.ts`
 *     each stripe goes to the reader whose tree carried least, for no root is to send more than another; but to who owes two stripes less, or none
 *     where one reads less than half as fast: to the reader that would begin it first, least owed / measured rate
 */
export function advanceFrontier(turn: Turn, group: Group): void {
  if (group.coldPieces === 0 || group.waiting(1) === 0 || waitsOn(turn, group)) return;
  const reading = yieldReaders(turn, group, readersOf(turn, group));
  const readers = [...reading, ...newReaders(turn, group, reading)];
  const coming = countComing(turn, readers);
  dealTo(turn, group, readers, readers.length > reading.length);
  for (const registry of coming) registry.coming = 0;
}

function dealTo(turn: Turn, group: Group, readers: readonly Reader[], hasNew: boolean): void {
  const queues = readers.map((reader) => queueOf(turn, group, reader));
  const [first] = queues;
  if (first === undefined || (!hasNew && !queues.some(isRunningOut)) || !takesTurn(turn, group)) return;
  const whole = queues.find(({ reader }) => readsWhole(turn, reader));
  if (whole !== undefined) {
    giveWhole(turn, group, whole.reader, coldPieces(group));
    return;
  }
  deal(
    group,
    queues,
    queues.some(({ reader }) => turn.memory.registries.of(reader.registry).connections.trial !== undefined),
    piecesInTurn(turn, group, turn.memory.registries.of(first.reader.registry)),
  );
  for (const { reader, stripes } of queues) if (stripes.length > 0) giveStripes(turn, group, reader, stripes, queues.length);
}

/** Registries that get new readers, all of them noted there: who is dealt stripes first is to have its part of the connections, not all. */
function countComing({ memory }: Turn, readers: readonly Reader[]): Set<Registry> {
  const coming = new Set<Registry>();
  for (const { reader } of readers) {
    if (reader.peer.stripes > 0) continue;
    const registry = memory.registries.of(reader.registry);
    registry.coming += 1;
    coming.add(registry);
  }
  return coming;
}

function readersOf(turn: Turn, group: Group): Reader[] {
  const owed = new Map<Wanting, number>();
  for (const stripe of group.stripes) {
    const { child, left } = stripe;
    if (mayRead(turn, child) && isOfFrontier(turn, group, stripe)) owed.set(child, left + (owed.get(child) ?? 0));
  }
  return [...owed].flatMap(([reader, owed]) => (isReplaced(turn, group, reader) ? [] : [{ reader, owed }]));
}

/** Where one reader is enough for this blob the others end with the stripes they have. */
function yieldReaders(turn: Turn, group: Group, readers: Reader[]): Reader[] {
  const [first] = readers;
  return first !== undefined && isOneEnough(turn, group, first.reader.registry) ? [first] : readers;
}

/** A reader whose link is slow, or which nobody is sent to, is given no more stripes where another one could read: it would have to pass them on. */
function isReplaced(turn: Turn, group: Group, reader: Wanting): boolean {
  if (passesOn(turn, reader)) return false;
  return group.list().some((member) => passesOn(turn, member) && member !== reader && mayRead(turn, member));
}

function passesOn({ now }: Turn, { host }: Member): boolean {
  return !host.isSlow && host.benchedUntil <= now;
}

function newReaders(turn: Turn, group: Group, reading: readonly Reader[]): Reader[] {
  const added: Reader[] = [];
  const most = Math.min(turn.limits.maxReadersPerBlob, TREES) - readersThatStay(turn, group);
  while (added.length < most) {
    const reader = chooseReader(turn, group, 0, [...reading, ...added]);
    if (reader === undefined) noteShutOut(turn, group);
    if (reader === undefined || (reading.length + added.length > 0 && isOneEnough(turn, group, reader.registry))) break;
    added.push({ reader, owed: 0 });
  }
  return added;
}

function isRunningOut(queue: Queue): boolean {
  const { owed, stripePieces, connections } = queue;
  return !hasStripes(queue) || owed <= Math.max(1, (stripePieces * (2 * connections - 1)) >> 1);
}

function readersThatStay(turn: Turn, group: Group): number {
  const stripes = [...group.stripes].filter((stripe) => isOfFrontier(turn, group, stripe));
  const readers = new Set(stripes.map(({ child }) => child as Wanting));
  return [...readers].filter((reader) => !isReplaced(turn, group, reader)).length;
}

/** Where other blobs share the registry's link, who only reads a piece that was late elsewhere is no reader: it would bring nothing more. */
function isOfFrontier({ memory }: Turn, group: Group, { child, unit }: Grant): boolean {
  return unit || memory.registries.of(child.registry).readers <= group.readers;
}

function queueOf(turn: Turn, group: Group, { reader, owed }: Reader): Queue {
  const stripePieces = stripeFor(turn, group, reader, group.coldPieces);
  const load = group.trees.rootedAt(reader)?.load ?? Math.min(...group.trees.trees.map((tree) => tree.load));
  const connections = connectionsOf(turn, reader, stripePieces);
  const useful = Math.min(connections, usefulTo(turn, reader));
  return { reader, owed, load, stripePieces, connections, useful, stripes: [] };
}

/** Deals the cold pieces, from the first that a reader somewhere waits for, else in order. */
function deal(group: Group, queues: readonly Queue[], isTrying: boolean, inTurn: number): void {
  const owed = queues.reduce((sum, queue) => sum + queue.owed, 0);
  const least = queues.reduce((sum, queue) => sum + queue.stripePieces * queue.connections, 0);
  const { pieces, coldPieces: cold } = group;
  const waiting = isTrying ? 0 : group.waiting(MANY_WAITING);
  const atOnce = queues.reduce((sum, { connections }) => sum + connections, 0);
  let ahead = isTrying ? least : piecesAhead({ pieces, cold, owed, least, waiting });
  if (inTurn < Infinity) ahead = cold === pieces ? atOnce : Math.max(least, Math.min(inTurn, cold));
  const longer = inTurn < Infinity ? Math.ceil(ahead / atOnce) : stripeWithin(ahead, waiting, atOnce);
  const fastest = queues.reduce((most, { reader }) => Math.max(most, reader.host.fromSource.bytesPerSecond), 0);
  for (let at = firstNeeded(group) ?? group.firstCold(); at !== undefined && ahead > 0;) {
    const queue = queues.reduce((next, each) => (comesBefore(each, next, fastest) ? each : next));
    const stripe: number[] = [];
    const length = inTurn < Infinity ? longer : Math.max(queue.stripePieces, longer);
    for (let piece = at; stripe.length < length && piece < group.pieces && group.isCold(piece); piece++) stripe.push(piece);
    queue.stripes.push(stripe);
    queue.owed += stripe.length;
    queue.load += stripe.length;
    ahead -= stripe.length;
    at = group.firstCold((stripe.at(-1) ?? at) + 1);
  }
}

/** So much more may wait at one reader than at another: how long one alone reads in the end, where TCP gave it less before. */
const STRIPES_MORE = 2;

/** Who is dealt the next stripe. */
function comesBefore(one: Queue, other: Queue, fastest: number): boolean {
  const waits = waitOf(one, fastest) - waitOf(other, fastest);
  const areEqual = waits === one.owed - other.owed;
  const areNear = Math.abs(waits) <= STRIPES_MORE * Math.min(one.stripePieces, other.stripePieces);
  if (hasStripes(one) !== hasStripes(other)) return !hasStripes(one);
  return areEqual && areNear && hasStripe(one) === hasStripe(other) && one.load !== other.load ? one.load < other.load : waits < 0;
}

function hasStripe({ owed, stripePieces, connections }: Queue): boolean {
  return owed >= stripePieces * connections;
}

/**
 * Whether it knows of its connections and has something to read on each: what it was dealt when there were fewer may be one long stripe, and it
 * hears of more with the next one only.
 */
function hasStripes({ reader: { peer }, useful, stripes }: Queue): boolean {
  const isTold = peer.connections >= useful || stripes.length > 0;
  return useful === 1 || (isTold && peer.stripes + stripes.length >= useful);
}

/** When a reader could begin another stripe. Within a factor of two of the fastest rates count as equal: so much is noise. */
function waitOf({ owed, reader }: Queue, fastest: number): number {
  const rate = reader.host.fromSource.bytesPerSecond;
  return rate === 0 || 2 * rate >= fastest ? owed : (owed * fastest) / rate;
}

/** Gives a reader the stripe at the frontier (or at `from`), and lets the others have it from there; false where nothing is cold. */
export function giveStripe(turn: Turn, group: Group, reader: Wanting, from?: number): boolean {
  const first = from !== undefined && group.isCold(from) ? from : (firstNeeded(group) ?? group.firstCold());
  if (first === undefined) return false;
  if (readsWhole(turn, reader)) return giveWhole(turn, group, reader, coldPieces(group));
  const length = stripeFor(turn, group, reader, group.coldPieces);
  const pieces: number[] = [];
  for (let piece = first; pieces.length < length && piece < group.pieces && group.isCold(piece); piece++) pieces.push(piece);
  giveStripeOf(turn, group, reader, pieces);
  return true;
}

/** How long a stripe this reader is given next, of so many pieces that are left to read. */
export function stripeFor(turn: Turn, group: Group, reader: Wanting, left: number): number {
  const { limits, swarm, memory, now } = turn;
  const registry = memory.registries.of(reader.registry);
  const { firstByteMs = 0, unsettledMs, requests, connections } = registry;
  const each = eachOf(connections, readersWith(registry, reader));
  const isSettled = unsettledMs === undefined;
  return stripeLength(limits, swarm.pieceBytes, {
    left,
    waiting: group.waiting(MAX_FAN_OUT),
    readers: Math.min(TREES, treeShape(turn, group, "stripe").roots) * each,
    sourceRate: readRate(reader) / each,
    connectionRate: isSettled ? connections.bytesPerMs * 1000 : 0,
    firstByteMs: isSettled ? firstByteMs : 0,
    requestsLeft: requestsLeft(requests, limits.maxRequestsPerMinute, now),
  });
}

/** Lets a reader read exactly these neighbouring pieces, whatever it was promised of them before. */
export function giveStripeOf(turn: Turn, group: Group, reader: Wanting, pieces: readonly number[]): void {
  giveStripes(turn, group, reader, [pieces], Math.max(1, group.readers));
}

/** The same for several stripes, of which it reads as many at once as it is to; `readers`: how many read, with it. */
export function giveStripes(turn: Turn, group: Group, reader: Wanting, stripes: readonly (readonly number[])[], readers: number): void {
  const pieces = stripes.flat();
  withdrawFrom(turn, reader, pieces);
  for (const stripe of stripes) give(turn, { child: reader, parent: undefined, pieces: stripe, unit: true });
  if (treeShape(turn, group, "stripe").roots === 1) group.trees.makeLeaf(reader);
  spread(turn, group, reader, pieces, readers);
}

/** A source without ranges: one reader gets everything that is cold, as one grant from piece 0 on; all others are fed by it. */
function giveWhole(turn: Turn, group: Group, reader: Wanting, pieces: readonly number[]): boolean {
  const last = pieces.at(-1);
  if (last === undefined || [...group.stripes].some((grant) => readsWhole(turn, grant.child as Wanting))) return false;
  withdrawFrom(turn, reader, pieces);
  const runs = [{ run: { first: 0, stride: 1, count: last + 1 }, pieces }];
  give(turn, { child: reader, parent: undefined, pieces, unit: true, runs });
  group.trees.makeLeaf(reader);
  spread(turn, group, reader, pieces, 1);
  return true;
}

/** The same for everything this reader lacks and nobody reads, also where somebody holds it whom it may not ask. */
export function readWhole(turn: Turn, group: Group, reader: Wanting): void {
  const pieces = Array.from({ length: group.pieces }, (_, piece) => piece);
  giveWhole(
    turn,
    group,
    reader,
    pieces.filter((piece) => lacks(reader, piece) && group.readingOf(piece) === undefined),
  );
}

function coldPieces(group: Group): number[] {
  const pieces: number[] = [];
  for (let piece = group.firstCold(); piece !== undefined; piece = group.firstCold(piece + 1)) pieces.push(piece);
  return pieces;
}

/** The first cold piece that a reader somewhere waits for: the frontier goes there first. */
function firstNeeded(group: Group): number | undefined {
  for (const member of group.needy) {
    if (!isWanting(member)) continue;
    const needed = member.peer.needs.find((piece) => group.isCold(piece));
    if (needed !== undefined) return needed;
  }
  return undefined;
}
