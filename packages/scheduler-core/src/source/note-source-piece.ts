import { beginSpan, freshRate, measure } from "../books/measured-rate.ts";
import type { Group } from "../books/group.ts";
import { isWanting, type Grant, type Member } from "../books/member.ts";
import { learnConnections } from "../connections/learn-connections.ts";
import { notePassing } from "../connections/registry-connections.ts";
import { learnFirstByte, type Registry } from "../books/registry-table.ts";
import type { Turn } from "../turn.ts";
import { isShared } from "./blob-turns.ts";
import { learnPlaces } from "./source-places.ts";
import { readRate } from "./read-rate.ts";
import { equalPieceMs } from "./shared-registry.ts";
import { connectionsFor, nobodyWaits } from "./choose-reader.ts";

/** Differences of less than half of a piece's time are noise: one waits behind others, or for what they left of a link. */
const NOISE_PART = 2;

/** A piece came from the source: the first one of a stripe shows the registry's first byte, and each what a connection brings. */
export function noteSourcePiece(turn: Turn, group: Group, member: Member, grant: Grant): void {
  const registry = turn.memory.registries.of(member.registry);
  const { readers, connections } = registry;
  const { pieceBytes } = turn.swarm;
  measure(registry.flow, pieceBytes, turn.now);
  if (!nobodyWaits(group)) registry.readForAt = turn.now;
  const inTurns = isShared(turn, group);
  noteInTurns(turn, member, registry, inTurns);
  const isFirst = grant.left === grant.promised;
  if (!isFirst) settleFirstByte(registry, turn.now - grant.progressAt);
  const since = isFirst ? firstByteAt(grant, registry) : grant.progressAt;
  if (isFirst) noteFirstPiece(turn, member, grant, registry);
  else if (grant.left === grant.promised - 1) noteSecondPiece(turn, member, grant, registry);
  if (since === undefined || since >= turn.now) return;
  const most = Math.floor(connectionsFor(turn, member) / Math.max(1, readers));
  // Readers come and go with the turns of their blobs: what each brings tells nothing of connections.
  const leftBytes = inTurns ? 0 : group.coldPieces * pieceBytes;
  const told = member.peer?.connections ?? 0;
  const firstByteMs = registry.unsettledMs === undefined ? registry.slowestFirstByteMs : undefined;
  learnConnections(
    connections,
    {
      reader: member.host.id,
      bytes: pieceBytes,
      since,
      isFirst,
      firstByteMs,
      leftBytes,
      told,
      readers,
      most,
      fromPeersPerMs: freshRate(member.host.fromPeers, turn.now) / 1000,
    },
    turn.now,
  );
}

/** A host has a piece from another one: the one that its reader read last shows what links bear. */
export function notePassedPiece({ memory, swarm, now }: Turn, { peer, registry }: Member, piece: number): void {
  if (peer?.newest !== piece) return;
  peer.newest = undefined;
  notePassing(memory.registries.of(registry).connections, swarm.pieceBytes, now - peer.sourceProgressAt);
}

function noteInTurns(turn: Turn, member: Member, { places, connections }: Registry, inTurns: boolean): void {
  if (!inTurns) {
    places.span = undefined;
    return;
  }
  // The other half is for blobs of other hosts.
  const most = Math.max(1, connectionsFor(turn, member) >> 1);
  learnPlaces(places, { bytes: turn.swarm.pieceBytes, linksPerMs: connections.linksPerMs, most }, turn.now);
}

/** When the first byte of a stripe came, as far as one can tell. */
function firstByteAt({ begunAt }: Grant, { firstByteMs = 0, unsettledMs }: Registry): number | undefined {
  return begunAt === undefined ? undefined : begunAt + (unsettledMs === undefined ? firstByteMs : 0);
}

/**
 * What a stripe waited for its first piece is the registry's first byte, and the piece's own time; it says nothing about the rate.
 *
 *     first byte = waited − own, own = max(the time of the stripe's second piece, piece / what one connection, or this host for this blob, brings)
 *                  0 where that is less than half of own: pieces of one connection differ by so much
 *
 * Nobody knows how many others a connection shares a link with, those of other blobs among them; its second piece does.
 * Nothing is learnt while connections are tried, of what began before that ended, and of a piece alone that took no longer than its equal part
 * of what the registry gives.
 */
function noteFirstPiece(turn: Turn, member: Member, grant: Grant, registry: Registry): void {
  const { fromSource } = member.host;
  const { trial, triedAt } = registry.connections;
  // The next stripe is begun before the last piece of the one before it is here: then nobody knows when.
  const begunAt = grant.begunAt ?? Math.max(grant.progressAt, member.peer?.sourceProgressAt ?? 0);
  const waitedMs = turn.now - begunAt;
  if (registry.firstByteMs === undefined || registry.unsettledMs !== undefined) {
    registry.unsettledMs = Math.min(registry.unsettledMs ?? waitedMs, waitedMs);
    learnFirstByte(registry, waitedMs);
    return;
  }
  // With other connections beside it than before, nobody knows a piece's own time.
  if (trial !== undefined || begunAt < triedAt) return;
  grant.firstPieceMs = waitedMs;
  const firstByteMs = beyond(waitedMs, ownTimeOf(turn, member, registry));
  if (firstByteMs > turn.limits.runMs && member.peer?.stripes === 1) beginSpan(fromSource, turn.now);
  // Where all connections together get so little a piece alone may have taken so long for that.
  const isOwnTime = beyond(waitedMs, equalPieceMs(turn, registry)) < firstByteMs;
  if (grant.promised === 1 && !isOwnTime) learnFrom(registry, member, firstByteMs);
}

function noteSecondPiece(turn: Turn, member: Member, { firstPieceMs, progressAt }: Grant, registry: Registry): void {
  if (firstPieceMs === undefined) return;
  learnFrom(registry, member, beyond(firstPieceMs, Math.max(turn.now - progressAt, ownTimeOf(turn, member, registry))));
}

function ownTimeOf({ swarm }: Turn, member: Member, { connections }: Registry): number {
  const readPerMs = isWanting(member) ? readRate(member) / 1000 : 0;
  return Math.floor(swarm.pieceBytes / Math.min(connections.bytesPerMs || Infinity, readPerMs || Infinity));
}

/** What was waited beyond a piece's own time, where it is no noise of that. */
function beyond(waitedMs: number, ownMs: number): number {
  return waitedMs - ownMs < ownMs / NOISE_PART ? 0 : waitedMs - ownMs;
}

function learnFrom(registry: Registry, { peer }: Member, firstByteMs: number): void {
  // Where stripes overlap, the one before it had a part of the link.
  const overlaps = peer !== undefined && peer.connections > 1;
  if (!overlaps || firstByteMs > (registry.firstByteMs ?? 0)) learnFirstByte(registry, firstByteMs);
}

function settleFirstByte(registry: Registry, pieceMs: number): void {
  if (registry.unsettledMs === undefined) return;
  registry.firstByteMs = registry.slowestFirstByteMs = beyond(registry.unsettledMs, pieceMs);
  registry.unsettledMs = undefined;
}
