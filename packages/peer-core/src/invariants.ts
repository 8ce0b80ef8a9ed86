import type { PeerState } from "./peer-state.ts";
import { covers } from "./books/piece-runs.ts";

/** Throws where something does not hold that always does, naming it. */
export function checkPeer(peer: PeerState): void {
  checkPieces(peer);
  checkTransfers(peer);
  checkBounds(peer);
  checkPhase(peer);
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`broken invariant: ${what}`);
}

function checkPieces({ pieces }: PeerState): void {
  for (const piece of pieces.have) {
    const isVouchedFor = pieces.given.has(piece) || pieces.own.has(piece) || pieces.told.has(piece);
    must(isVouchedFor, `piece ${String(piece)} is held without a line of the table`);
    must(!pieces.pending.has(piece), `piece ${String(piece)} is held and undecided`);
  }
  for (const piece of pieces.pending.keys()) must(!pieces.told.has(piece), `piece ${String(piece)} is undecided though its line is known`);
}

function checkTransfers({ transfers, pieces }: PeerState): void {
  for (const { id, left, run } of transfers.live) {
    for (const piece of left) {
      must(covers(run, piece), `piece ${String(piece)} is in flight by transfer ${String(id)} that was not asked for it`);
      must(pieces.isMissing(piece), `piece ${String(piece)} is in flight by transfer ${String(id)} and here`);
    }
  }
}

function checkBounds({ transfers, grants, readers, pieces, needs, limits, reports }: PeerState): void {
  must(transfers.sourceReads <= limits.sourceReads, "too many source reads");
  must(transfers.count - transfers.sourceReads <= limits.parentTransfers, "too many fetches from parents");
  must(transfers.cancelledCount <= limits.cancelledTransfers, "too many cancelled transfers");
  must(grants.count <= limits.grants, "too many grants");
  must(readers.count <= limits.readers, "too many readers");
  must(pieces.pending.size <= limits.pendingPieces, "too many undecided pieces");
  must(needs.size <= pieces.count, "more needs than pieces");
  must(reports.pieces.length <= pieces.count, "more reports than pieces");
  for (const { next, end } of readers.all) must(next >= 0 && next <= end && end <= pieces.count, "a reader is outside the blob");
}

function checkPhase({ phase, pieces, transfers, out }: PeerState): void {
  if (phase === "fetching") must(!pieces.have.isFull, "everything is held and nobody proves it");
  if (phase === "proving") must(pieces.have.isFull, "a proof of a blob that is not whole");
  if (phase === "over") must(transfers.count === 0, "transfers run for a peer that is over");
  must(out.length === 0, "effects were left behind");
}
