import { type PieceHash, runsOf } from "@darner/domain";
import type { Millis } from "../limits.ts";
import { type PeerState, tell } from "../peer-state.ts";
import { emptyReports } from "../books/report-queue.ts";

/** Queues pieces that were just verified. */
export function queueReport(peer: PeerState, pieces: readonly PieceHash[], areLines: boolean, now: Millis): void {
  if (!peer.session.live) return;
  const { reports } = peer;
  if (reports.pieces.length === 0) reports.since = now;
  for (const line of pieces) {
    reports.pieces.push(line.piece);
    if (areLines) reports.lines.push({ piece: line.piece, hash: line.hash.slice() });
  }
}

/**
 * A report is due at once where it is the first of the session, has lines of the table that others wait for, is full or the last;
 * else reportMs after its first piece.
 */
export function reportVerified(peer: PeerState, now: Millis): Millis | undefined {
  const { reports, limits, pieces } = peer;
  if (reports.pieces.length === 0) return undefined;
  const isDue = !reports.begun || reports.lines.length > 0 || reports.pieces.length >= limits.reportPieces || pieces.have.isFull;
  const at = reports.since + limits.reportMs;
  if (!isDue && now < at) return at;
  flushReports(peer);
  return undefined;
}

/** Reports what is queued. */
export function flushReports(peer: PeerState): void {
  const { reports } = peer;
  if (reports.pieces.length === 0) return;
  const runs = runsOf(reports.pieces.toSorted((left, right) => left - right));
  tell(peer, { type: "verified", pieces: runs, hashes: reports.lines });
  peer.reports = { ...emptyReports(), begun: true };
}
