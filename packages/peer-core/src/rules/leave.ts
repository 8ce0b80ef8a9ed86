import { failReaders } from "./end-readers.ts";
import type { Millis } from "../limits.ts";
import { cancelAll, isMostlyHeld, type PeerState, tell } from "../peer-state.ts";
import { isBeingFed, outlookOf } from "./outlook.ts";
import { flushReports } from "./report-verified.ts";
import { emptyReports } from "../books/report-queue.ts";

/**
 * A peer that nobody reads from ends lingerMs after its last reader; where at least half is held, stalledMs after its last piece;
 * a preheat, stalledPreheatMs after its last piece. A proof is waited for.
 */
export function leaveUnwanted(peer: PeerState, now: Millis): Millis | undefined {
  const { readers, limits, lastProgressAt } = peer;
  if (readers.count > 0 || peer.phase !== "fetching") return undefined;
  const idleSince = Math.max(readers.emptySince, lastProgressAt);
  let at = readers.emptySince + limits.lingerMs;
  if (peer.priority === "preheat") at = idleSince + limits.stalledPreheatMs;
  else if (isMostlyHeld(peer)) at = idleSince + limits.stalledMs;
  if (now < at) return at;
  endPeer(peer);
  return undefined;
}

/**
 * The registry is known to send wrong bytes of this blob and nobody else has it: what is held came by the same table. It is dropped, so that
 * nobody reads the beginning of something that has no end.
 */
export function leaveStruck(peer: PeerState, now: Millis): void {
  const { phase, transfers, pieces } = peer;
  if (phase !== "fetching" || pieces.have.count === 0 || transfers.count > 0) return;
  if (outlookOf(peer, now).name !== "struck" || isBeingFed(peer, now)) return;
  peer.out.push({ type: "drop-blob" });
  peer.reports = emptyReports();
  failReaders(peer, "wrong-bytes", 0, "all", now);
  endPeer(peer);
}

/** The own disk refused: nothing can be taken any more. */
export function diskRefused(peer: PeerState, now: Millis): void {
  failReaders(peer, "disk-refused", 0, "all", now);
  endPeer(peer);
}

/** → over: what is held stays in the store and announced. */
export function endPeer(peer: PeerState): void {
  flushReports(peer);
  if (peer.session.isOpen) tell(peer, { type: "close" });
  cancelAll(peer);
  peer.phase = "over";
  peer.out.push({ type: "end-peer" });
}
