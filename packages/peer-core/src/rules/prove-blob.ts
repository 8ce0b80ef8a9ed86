import type { Millis } from "../limits.ts";
import { endPeer } from "./leave.ts";
import { failReaders } from "./end-readers.ts";
import { cancelAll, type PeerState, tell } from "../peer-state.ts";
import { PieceBook } from "../books/piece-book.ts";
import { emptyReports } from "../books/report-queue.ts";

/** fetching → proving, when every piece is held. */
export function beginProof(peer: PeerState): void {
  if (peer.phase !== "fetching" || !peer.pieces.have.isFull) return;
  peer.phase = "proving";
  peer.out.push({ type: "finish-proof" });
}

/** proving → over: the blob is complete, readers read on from the store. */
export function proofSucceeded(peer: PeerState): void {
  if (peer.phase !== "proving") return;
  peer.out.push({ type: "complete-blob" });
  tell(peer, { type: "proven" });
  cancelAll(peer);
  peer.phase = "over";
  peer.out.push({ type: "end-peer" });
}

// The table may be wrong once and the own source then right; a source that is wrong as well will not become right by asking again.
const MAX_FAILED_PROOFS = 2;

/** proving → fetching from nothing, all of it from the own source; the second time → over. */
export function proofFailed(peer: PeerState, now: Millis): void {
  if (peer.phase !== "proving") return;
  peer.failedProofs += 1;
  peer.fromOwnSource = peer.failedProofs < MAX_FAILED_PROOFS;
  peer.out.push({ type: "drop-blob" });
  tell(peer, { type: "proof-failed" });
  failReaders(peer, "wrong-bytes", 0, "all", now);
  beginAgain(peer, now);
  peer.session.isRestartExpected = peer.session.isOpen;
  if (peer.failedProofs >= MAX_FAILED_PROOFS) endPeer(peer);
}

/**
 * The table was wrong: fetching or proving → fetching from nothing. Where nothing is held nobody can have read a wrong byte.
 * A restart that answers this peer's own failed proof leaves what it has read from the source since: only the old table goes.
 */
export function restartOrdered(peer: PeerState, now: Millis): void {
  const { session, pieces } = peer;
  const isAnswer = session.isRestartExpected && pieces.isAllOwn;
  session.isRestartExpected = false;
  if (isAnswer) {
    pieces.forgetTold();
    return;
  }
  // What this peer read itself contradicts what is known: it follows the table as it is now.
  peer.fromOwnSource = false;
  if (pieces.have.count > 0) {
    peer.out.push({ type: "drop-blob" });
    failReaders(peer, "wrong-bytes", 0, "all", now);
  }
  beginAgain(peer, now);
}

function beginAgain(peer: PeerState, now: Millis): void {
  cancelAll(peer);
  peer.transfers.forgetCancelled();
  peer.grants.clear();
  peer.needs.clear();
  peer.pieces = new PieceBook(peer.pieces.count, []);
  peer.reports = emptyReports();
  peer.session.isOpenDue = peer.session.live;
  peer.phase = "fetching";
  peer.lastProgressAt = now;
  peer.troubleSince = undefined;
}
