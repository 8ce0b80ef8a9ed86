import { piecesOf, type PieceRun, type PieceSet } from "@darner/domain";
import type { Group } from "./group.ts";
import type { Grant, Member, Peer, Wanting } from "./member.ts";
import type { Host } from "./host-table.ts";
import type { Swarm } from "./swarm.ts";
import type { Registry } from "./registry-table.ts";
import { connectionsOf } from "../source/overlapping-reads.ts";
import { beginStripes } from "./stripe-clock.ts";
import { noteRequest } from "./request-budget.ts";
import type { Turn } from "../turn.ts";

/** Pieces that one grant promises, and the run in which they lie. */
export type PiecesInRun = { readonly run: PieceRun; readonly pieces: readonly number[] };

/** What is to be granted: `pieces`, ascending, each unpromised. */
export type NewGrant = {
  readonly child: Wanting;
  readonly parent: Member | undefined;
  readonly pieces: readonly number[];
  /** The pieces as runs, where they are known already. */
  readonly runs?: readonly PiecesInRun[];
  readonly unit?: boolean;
  readonly alone?: boolean;
};

/** Gives a grant: books its promises and says so. Takes as many grants as the pieces have runs. */
export function give(turn: Turn, wanted: NewGrant): void {
  for (const each of wanted.runs ?? inRuns(wanted.pieces)) giveRun(turn, wanted, each);
}

/** Pieces as few runs as they make. */
export function inRuns(pieces: readonly number[]): PiecesInRun[] {
  return evenRuns(pieces).map((run) => ({ run, pieces: piecesOf(run) }));
}

function giveRun(turn: Turn, wanted: NewGrant, { pieces, run }: PiecesInRun): void {
  const { child, parent, unit = false, alone = false } = wanted;
  const { swarm, memory, now } = turn;
  const group = swarm.groupOf(child);
  const id = (memory.lastGrant += 1);
  const promised = pieces.length;
  const grant: Grant = {
    id,
    child,
    parent,
    run,
    unit,
    alone,
    promised,
    left: promised,
    readySince: undefined,
    progressAt: now,
    begunAt: undefined,
    firstPieceMs: undefined,
  };
  for (const piece of pieces) {
    child.peer.promised[piece] = grant;
    group.promised[piece] = (group.promised[piece] ?? 0) + 1;
    if (parent === undefined) group.beginReading(piece, grant);
  }
  child.peer.promisedCount += promised;
  child.peer.grants.set(id, grant);
  group.idle.delete(child);
  if (child.peer.standing !== "fed") turn.touched.add(child);
  if (parent === undefined) bookStripe(turn, group, child, grant);
  else bookPieces(turn, group, parent, grant);
}

/** A reader has one stripe more, and perhaps another number of connections. */
function bookStripe(turn: Turn, group: Group, child: Wanting, grant: Grant): void {
  const { host, peer } = child;
  const registry = turn.memory.registries.of(child.registry);
  group.stripes.add(grant);
  turn.memory.queue.read.add(turn.swarm);
  peer.stripes += 1;
  if (peer.stripes === 1) beginReader(registry, host);
  group.stirred = true;
  const connections = connectionsOf(turn, child, grant.promised);
  registry.told += connections - peer.connections;
  peer.connections = connections;
  beginStripes(peer, turn.now);
  noteRequest(registry.requests, turn.now);
  const { id, run } = grant;
  turn.effects.push({ type: "grant-stripe", host: host.id, task: turn.swarm.task, grant: id, run, connections });
}

/** A parent has more to send. */
function bookPieces({ swarm, effects }: Turn, group: Group, parent: Member, grant: Grant): void {
  const { id, child, run, unit, promised } = grant;
  const { host } = parent;
  if (unit) group.units += 1;
  parent.feeding.add(grant);
  host.backlogBytes += promised * swarm.pieceBytes;
  parent.givenBytes += promised * swarm.pieceBytes;
  effects.push({ type: "grant-pieces", host: child.host.id, task: swarm.task, grant: id, parent: host.id, address: host.address, run });
}

/** The pieces a grant still owes, ascending. */
export function owed(grant: Grant): number[] {
  const promised = grant.child.peer?.promised;
  return promised === undefined ? [] : piecesOf(grant.run).filter((piece) => promised[piece] === grant);
}

/** Whether a grant still owes a piece that is held there. */
export function owesOneOf(grant: Grant, have: PieceSet): boolean {
  const promised = grant.child.peer?.promised;
  if (promised === undefined) return false;
  const { first, stride, count } = grant.run;
  for (let index = 0; index < count; index++) {
    const piece = first + index * stride;
    if (promised[piece] === grant && have.has(piece)) return true;
  }
  return false;
}

/** One piece is no longer owed by its grant, because it came or will come another way. The grant ends, unsaid, with its last piece. */
export function unpromise(turn: Turn, grant: Grant, piece: number): void {
  const { peer } = grant.child;
  if (peer?.promised[piece] !== grant) return;
  const group = turn.swarm.groupOf(grant.child);
  peer.promised[piece] = undefined;
  peer.promisedCount -= 1;
  group.promised[piece] = (group.promised[piece] ?? 0) - 1;
  group.endReading(piece, grant);
  if (grant.parent !== undefined) grant.parent.host.backlogBytes -= turn.swarm.pieceBytes;
  grant.left -= 1;
  if (grant.parent === undefined) turn.memory.queue.moved.set(turn.swarm, grant.child);
  if (grant.left > 0) return;
  peer.grants.delete(grant.id);
  grant.parent?.feeding.delete(grant);
  if (grant.parent === undefined) {
    group.stripes.delete(grant);
    group.stirred = true;
    peer.stripes -= 1;
    beginStripes(peer, turn.now);
    if (peer.stripes === 0) endReader(turn, grant.child, peer);
    if (isReadNoMore(turn.swarm)) turn.memory.queue.read.delete(turn.swarm);
  } else if (grant.unit) group.units -= 1;
  group.noteIdle(grant.child);
}

function beginReader(registry: Registry, host: Host): void {
  // What connections brought before says nothing of what they bring now.
  if (registry.readers === 0) registry.connections.span = undefined;
  registry.readers += 1;
  registry.coming = Math.max(0, registry.coming - 1);
  host.blobsRead += 1;
}

function isReadNoMore(swarm: Swarm): boolean {
  for (const { stripes } of swarm.allGroups()) if (stripes.size > 0) return false;
  return true;
}

function endReader({ memory }: Turn, { registry: name, host }: Member, peer: Peer): void {
  const registry = memory.registries.of(name);
  registry.readers -= 1;
  host.blobsRead -= 1;
  registry.told -= peer.connections;
  peer.connections = 0;
}

/** Ends a grant; gives back what it owed. `tell`: the child is told that it is revoked. */
export function drop(turn: Turn, grant: Grant, tell: boolean): number[] {
  const pieces = owed(grant);
  for (const piece of pieces) unpromise(turn, grant, piece);
  if (grant.parent !== undefined) grant.parent.givenBytes -= pieces.length * turn.swarm.pieceBytes;
  turn.touched.add(grant.child);
  // Moved to the end, so that a walk over the loose members in progress comes to it (again).
  turn.loose.delete(grant.child);
  turn.loose.add(grant.child);
  if (tell) revoke(turn, grant);
  return pieces;
}

/** Takes back whatever a peer was promised of these pieces, for it gets them another way. */
export function withdrawFrom(turn: Turn, { peer }: Wanting, pieces: readonly number[]): void {
  const grants = new Set<Grant>();
  for (const piece of pieces) {
    const grant = peer.promised[piece];
    if (grant !== undefined) grants.add(grant);
  }
  for (const grant of grants) withdraw(turn, grant, pieces);
}

/** Takes some of a grant's pieces out of it; what it still owes is granted anew from the same parent, so that every grant says exactly what it owes. */
export function withdraw(turn: Turn, grant: Grant, pieces: readonly number[]): void {
  const taken = new Set(pieces);
  const rest = drop(turn, grant, true).filter((piece) => !taken.has(piece));
  if (rest.length > 0)
    give(turn, { child: grant.child as Wanting, parent: grant.parent, pieces: rest, unit: grant.unit, alone: grant.alone });
}

function revoke(turn: Turn, grant: Grant): void {
  turn.effects.push({ type: "revoke-grant", host: grant.child.host.id, task: turn.swarm.task, grant: grant.id });
}

/** Ascending pieces as few runs of even stride; a piece alone between two runs is a run of its own. */
function evenRuns(pieces: readonly number[]): PieceRun[] {
  const runs: PieceRun[] = [];
  for (let at = 0; at < pieces.length;) {
    const first = pieces[at] ?? 0;
    const stride = (pieces[at + 1] ?? first + 1) - first;
    let count = 1;
    while (pieces[at + count] === first + count * stride) count += 1;
    // Two pieces far apart are no run: the second may begin a longer one.
    if (count === 2 && stride > 1 && at + count < pieces.length) count = 1;
    runs.push({ first, stride: count === 1 ? 1 : stride, count });
    at += count;
  }
  return runs;
}
