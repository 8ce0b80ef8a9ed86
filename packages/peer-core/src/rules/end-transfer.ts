import { isUsedUp } from "./assign-grants.ts";
import type { TransferFailure } from "../event.ts";
import { failGrant } from "./fail-grant.ts";
import { tellOpen } from "./follow-scheduler.ts";
import { diskRefused } from "./leave.ts";
import type { Millis } from "../limits.ts";
import type { PeerState } from "../peer-state.ts";
import { sourceFailed } from "../books/source-book.ts";
import type { Transfer } from "../books/transfer-book.ts";

/**
 * A transfer is over. What it left is missing again: its grant failed, or the peer plans itself. One that ended well
 * but left pieces that nobody else carried did not send what it said.
 */
export function transferEnded(peer: PeerState, id: number, told: TransferFailure | undefined, now: Millis): void {
  const transfer = peer.transfers.end(id);
  if (transfer === undefined) return;
  const failure = told ?? brokenPromise(peer, transfer);
  if (failure === undefined) {
    noteWellEnded(peer, transfer);
    return;
  }
  peer.grants.changed = true;
  const { source, limits } = peer;
  // A part that was asked for before the source was known to give no ranges is no second refusal.
  const isKnown = failure.code === "source-without-range" && source.sequential && transfer.run.count < peer.pieces.count;
  if (transfer.from === "source" && !isKnown) {
    sourceFailed(source, failure, limits, now);
    if (failure.code !== "source-without-range") peer.troubleSince ??= now;
  }
  const isGranted = transfer.grant !== undefined && peer.grants.has(transfer.grant);
  failGrant(peer, transfer.grant, failure);
  if (failure.code === "disk-refused") diskRefused(peer, now);
  if (failure.code === "source-refused" && !isGranted && peer.session.isOpen) tellOpen(peer);
}

/** What ended well frees nothing but its room, and its grant where that is used up. */
function noteWellEnded({ grants, pieces }: PeerState, { grant: id, left }: Transfer): void {
  grants.changed ||= grants.isWaiting || left.size > 0;
  const grant = id === undefined ? undefined : grants.get(id);
  if (grant !== undefined && isUsedUp(grant, pieces.have)) grants.delete(grant.grant);
}

function brokenPromise({ pieces, limits }: PeerState, { left, shared, from }: Transfer): TransferFailure | undefined {
  let isBroken = false;
  for (const piece of left) isBroken ||= pieces.isMissing(piece) && !shared.has(piece);
  if (!isBroken) return undefined;
  return from === "source" ? { code: "source-unavailable", retryAfterMs: limits.backoffMinMs } : { code: "parent-refused" };
}
