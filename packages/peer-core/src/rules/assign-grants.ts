import { piecesOf, runsOf, type PieceRun } from "@darner/domain";
import type { PeerGrant } from "../grant.ts";
import type { Millis } from "../limits.ts";
import { isSilent, patience } from "./outlook.ts";
import { earliest, type PeerState } from "../peer-state.ts";
import { runsWithin } from "../books/piece-runs.ts";

/**
 * Uses the grants, in the order they came: each is asked for those of its pieces that are neither here nor in flight
 * (or in flight by others, but late: the scheduler was told, or they are silent), as few runs. What finds no room waits for the next
 * chance; what another transfer carries, until that one may be silent. Returns when.
 */
export function assignGrants(peer: PeerState, now: Millis): Millis | undefined {
  const { grants, source, fromOwnSource } = peer;
  if (peer.phase !== "fetching") return undefined;
  if (!grants.changed && (grants.lookAgainAt === undefined || now < grants.lookAgainAt)) return grants.lookAgainAt;
  // After a failed proof the own source is asked for everything, as long as it answers.
  if (fromOwnSource && source.access !== "none" && now >= source.notBefore) return undefined;
  grants.changed = false;
  grants.lookAgainAt = undefined;
  for (const grant of [...grants.all]) {
    if (runsWithin(grant.run, (piece) => !peer.pieces.have.has(piece)).length === 0) grants.delete(grant.grant);
    else useGrant(peer, grant, now);
  }
  return grants.lookAgainAt;
}

function useGrant(peer: PeerState, grant: PeerGrant, now: Millis): void {
  const { transfers, limits, source } = peer;
  if (grant.parent === undefined && !mayReadMore(peer, grant)) return;
  const isFree = (piece: number): boolean => isFreeFor(peer, grant, piece, now);
  for (const run of grantedRuns(grant, isFree)) {
    if (grant.parent === undefined) {
      if (!mayReadMore(peer, grant)) return;
      readGranted(peer, grant, source.sequential ? { first: 0, stride: 1, count: peer.pieces.count } : run, now);
    } else {
      if (transfers.count - transfers.sourceReads >= limits.parentTransfers) return;
      const { id } = transfers.start(grant.parent.host, grant.grant, run, isFree, now);
      for (let index = 0; index < run.count; index++) peer.needs.delete(run.first + index * run.stride);
      peer.out.push({ type: "fetch-pieces", transfer: id, parent: grant.parent, run });
    }
  }
}

// Of a shorter one the last piece is so much that two at once would delay each other more than a round trip costs.
const OVERLAPPING_PIECES = 8;

/**
 * Whether another stripe may be begun: as many as the scheduler wants at once; one of several pieces of which only the last is owed
 * does not count, so that the source is asked for the next one before it ends.
 */
function mayReadMore({ transfers, limits, source }: PeerState, { connections = 1 }: PeerGrant): boolean {
  if (transfers.sourceReads >= (source.sequential ? 1 : limits.sourceReads)) return false;
  let busy = 0;
  for (const { from, left, run } of transfers.live)
    if (from === "source" && left.size > (run.count >= OVERLAPPING_PIECES ? 1 : 0)) busy += 1;
  return busy < connections;
}

/** A parent is asked in the stride of its grant; the source can only be read contiguously. */
function grantedRuns({ run, parent }: PeerGrant, isFree: (piece: number) => boolean): PieceRun[] {
  return parent === undefined ? runsOf(piecesOf(run).filter(isFree)) : runsWithin(run, isFree);
}

function readGranted(peer: PeerState, grant: PeerGrant, run: PieceRun, now: Millis): void {
  const { transfers, source, pieces, needs } = peer;
  const isAsked = source.sequential
    ? (piece: number): boolean => pieces.isMissing(piece)
    : (piece: number): boolean => isFreeFor(peer, grant, piece, now);
  const isHedge = !source.sequential && transfers.isInFlight(run.first);
  const { id, left } = transfers.start("source", grant.grant, run, isAsked, now);
  for (const piece of left) needs.delete(piece);
  peer.out.push({ type: "read-source", transfer: id, run, cause: isHedge ? "hedge" : "granted" });
}

function isFreeFor(peer: PeerState, grant: PeerGrant, piece: number, now: Millis): boolean {
  if (!peer.pieces.isMissing(piece) || (grant.parent !== undefined && !canBeJudged(peer, piece))) return false;
  const isTold = peer.needs.has(piece);
  for (const carrier of peer.transfers.carriersOf(piece)) {
    if (carrier.grant === grant.grant || carrier.kept.has(piece)) return false;
    if (isTold || isSilent(peer, carrier, now)) continue;
    peer.grants.lookAgainAt = earliest(peer.grants.lookAgainAt, carrier.lastSignAt + patience(peer));
    return false;
  }
  return true;
}

/** Whether what a parent sends can be told right from wrong: its line is known, or may yet come. */
function canBeJudged({ pieces, session }: PeerState, piece: number): boolean {
  return pieces.told.has(piece) || (session.live && !pieces.lineless.has(piece));
}
