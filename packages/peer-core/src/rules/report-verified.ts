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
 * When what is queued is reported.
 *
 *     at once ⇔ the first of the session, or the last of the blob
 *               lines of the table are among it, others wait for them
 *               queued ≥ max(reportPieces, pieces / reportParts)
 *               queued ≥ in flight, and more than that is missing: the scheduler is to promise more before nothing comes
 *     else when the first of them is older than reportMs, or than 1 s and 3/2 of what so many pieces as a report has took on average:
 *     pieces come slower than they did, and the scheduler may know who has more to give
 */
export function reportVerified(peer: PeerState, now: Millis): Millis | undefined {
  const { reports, limits } = peer;
  if (reports.pieces.length === 0) return undefined;
  const slowMs = Math.max(limits.slowReportMs, 1.5 * peer.rhythm.usual(fullReport(peer)));
  const at = reports.since + Math.min(limits.reportMs, Math.ceil(slowMs));
  if (!isDue(peer) && now < at) return at;
  flushReports(peer);
  return undefined;
}

function fullReport({ limits, pieces }: PeerState): number {
  return Math.max(limits.reportPieces, Math.floor(pieces.count / limits.reportParts));
}

function isDue(peer: PeerState): boolean {
  const { reports, pieces, transfers } = peer;
  const queued = reports.pieces.length;
  if (!reports.begun || reports.lines.length > 0 || pieces.have.isFull) return true;
  if (queued >= fullReport(peer)) return true;
  const { inFlight } = transfers;
  return queued >= inFlight && pieces.have.count + pieces.pending.size + inFlight < pieces.count;
}

/** Reports what is queued. */
export function flushReports(peer: PeerState): void {
  const { reports } = peer;
  if (reports.pieces.length === 0) return;
  const runs = runsOf(reports.pieces.toSorted((left, right) => left - right));
  tell(peer, { type: "verified", pieces: runs, hashes: reports.lines });
  peer.reports = { ...emptyReports(), begun: true };
}
