import { piecesOf, runsOf, type PieceRun, type PieceSet } from "@darner/domain";
import type { PeerGrant } from "../grant.ts";
import type { Millis } from "../limits.ts";
import { patience } from "./outlook.ts";
import { earliest, type PeerState } from "../peer-state.ts";
import { runsWithin } from "../books/piece-runs.ts";
import type { Transfer } from "../books/transfer-book.ts";

/**
 * Uses the grants, in the order they came: each is asked for those of its pieces that are neither here nor in flight
 * (or in flight by others, but late: the scheduler was told, or they are silent), as few runs. What finds no room waits for the next
 * chance; what another transfer carries, until that one may be silent. Returns when.
 */
export function assignGrants(peer: PeerState, now: Millis): Millis | undefined {
  const { grants, source, fromOwnSource } = peer;
  if (peer.phase !== "fetching") return undefined;
  const isAnyFreed = grants.changed || (grants.lookAgainAt !== undefined && now >= grants.lookAgainAt);
  if (!isAnyFreed && !grants.hasFresh) return grants.lookAgainAt;
  // After a failed proof the own source is asked for everything, as long as it answers.
  if (fromOwnSource && source.access !== "none" && now >= source.notBefore) return undefined;
  const fresh = grants.takeFresh();
  if (isAnyFreed) {
    grants.changed = false;
    grants.isWaiting = false;
    grants.lookAgainAt = undefined;
    forgetUsedUp(peer);
  }
  for (const grant of isAnyFreed ? grants.all : fresh) if (grants.has(grant.grant)) useGrant(peer, grant, now);
  return grants.lookAgainAt;
}

/** Forgets grants whose pieces are all held. */
export function forgetUsedUp({ grants, pieces }: PeerState): void {
  for (const grant of [...grants.all]) if (isUsedUp(grant, pieces.have)) grants.delete(grant.grant);
}

/** Whether every piece of a grant is held. */
export function isUsedUp({ run }: PeerGrant, have: PieceSet): boolean {
  for (let index = 0; index < run.count; index++) if (!have.has(run.first + index * run.stride)) return false;
  return true;
}

function useGrant(peer: PeerState, grant: PeerGrant, now: Millis): void {
  const { transfers, limits, source } = peer;
  if (grant.parent === undefined && !mayReadMore(peer)) {
    peer.grants.isWaiting = true;
    return;
  }
  const isFree = (piece: number): boolean => isFreeFor(peer, grant, piece, now);
  for (const run of grantedRuns(grant, isFree)) {
    if (grant.parent === undefined) {
      if (!mayReadMore(peer)) {
        peer.grants.isWaiting = true;
        return;
      }
      readGranted(peer, grant, source.sequential ? { first: 0, stride: 1, count: peer.pieces.count } : run, now);
    } else {
      if (transfers.count - transfers.sourceReads >= limits.parentTransfers) {
        peer.grants.isWaiting = true;
        return;
      }
      const { id } = transfers.start(grant.parent.host, grant.grant, run, now);
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
function mayReadMore({ transfers, limits, source }: PeerState): boolean {
  if (transfers.sourceReads >= (source.sequential ? 1 : limits.sourceReads)) return false;
  let busy = 0;
  for (const { from, left, run } of transfers.live)
    if (from === "source" && left.size > (run.count >= OVERLAPPING_PIECES ? 1 : 0)) busy += 1;
  return busy < source.connections;
}

/** A parent is asked in the stride of its grant; the source can only be read contiguously. */
function grantedRuns({ run, parent }: PeerGrant, isFree: (piece: number) => boolean): PieceRun[] {
  return parent === undefined ? runsOf(piecesOf(run).filter(isFree)) : runsWithin(run, isFree);
}

function readGranted(peer: PeerState, grant: PeerGrant, run: PieceRun, now: Millis): void {
  const { transfers, source, pieces, needs } = peer;
  const isAsked = source.sequential ? (piece: number): boolean => pieces.isMissing(piece) : undefined;
  const isHedge = !source.sequential && transfers.isInFlight(run.first);
  const { id, left } = transfers.start("source", grant.grant, run, now, isAsked);
  for (const piece of left) needs.delete(piece);
  peer.out.push({ type: "read-source", transfer: id, run, cause: isHedge ? "hedge" : "granted" });
}

function isFreeFor(peer: PeerState, grant: PeerGrant, piece: number, now: Millis): boolean {
  if (!peer.pieces.isMissing(piece) || (grant.parent !== undefined && !canBeJudged(peer, piece))) return false;
  const isTold = peer.needs.has(piece);
  for (const carrier of peer.transfers.carriersOf(piece)) {
    if (carrier.grant === grant.grant || carrier.kept.has(piece)) return false;
    if (isTold) continue;
    const silentAt = (isOrphan(carrier) ? lastSignOf(peer, carrier) : carrier.lastSignAt) + patience(peer);
    if (now >= silentAt) continue;
    peer.grants.lookAgainAt = earliest(peer.grants.lookAgainAt, silentAt);
    return false;
  }
  return true;
}

/** Whether a parent is still to send what a scheduler before had granted. */
function isOrphan({ grant, from }: Transfer): boolean {
  return grant === undefined && from !== "source";
}

/**
 * When a parent last sent anything. What a scheduler before had granted is on its way down its trees, and comes when its turn is: who gets
 * it from the parent that the next one names as well has it twice, and two hosts that do so wait for each other.
 */
function lastSignOf({ transfers }: PeerState, { from, lastSignAt }: Transfer): Millis {
  let last = lastSignAt;
  for (const other of transfers.live) if (other.from === from && other.lastSignAt > last) last = other.lastSignAt;
  return last;
}

/** Whether what a parent sends can be told right from wrong: its line is known, or may yet come. */
function canBeJudged({ pieces, session }: PeerState, piece: number): boolean {
  return pieces.told.has(piece) || (session.live && !pieces.lineless.has(piece));
}
