import type { HostId, PieceHash } from "@darner/domain";
import { failGrant } from "./fail-grant.ts";
import type { Millis } from "../limits.ts";
import { outlookOf } from "./outlook.ts";
import { cancelTransfer, type PeerState } from "../peer-state.ts";
import { isPieceHash, sameHash } from "../books/piece-book.ts";
import { queueReport } from "./report-verified.ts";
import { sourceFailed, sourceGave } from "../books/source-book.ts";
import type { Transfer } from "../books/transfer-book.ts";

/** A piece landed: right, wrong, or not to be told yet. One that was never asked for, or is held already, is ignored. */
export function pieceLanded(peer: PeerState, transfer: number, { piece, hash }: PieceHash, now: Millis): void {
  const line = { piece, hash };
  const { pieces, transfers } = peer;
  const sender = transfers.senderOf(transfer, line.piece);
  if (sender === undefined || !pieces.isPiece(line.piece) || !isPieceHash(line.hash)) return;
  const others = transfers.land(sender, line.piece, now);
  // The next stripe may be begun.
  if (sender.from === "source" && sender.left.size === 1) peer.grants.changed = true;
  if (pieces.have.has(line.piece)) return;
  if (sender.from === "source") judgeSourcePiece(peer, sender, line, now);
  else judgeParentPiece(peer, sender, sender.from, line, now);
  if (!pieces.have.has(line.piece)) return;
  for (const other of others) if (other.left.size === 0) cancelTransfer(peer, other.id);
}

/**
 * What this host read from the source is the line, unless the scheduler told another one. A contradiction is read again once;
 * the second fails the grant. Where nobody else can give, and after a failed proof, the own source is believed: the proof decides.
 */
function judgeSourcePiece(peer: PeerState, sender: Transfer, line: PieceHash, now: Millis): void {
  const { pieces, source, limits } = peer;
  const isContradiction = pieces.told.matches(line.piece, line.hash) === false;
  if (!isContradiction || isOwnWordBelieved(peer, line, now)) {
    pieces.own.set(line.piece, line.hash.slice());
    sourceGave(source);
    acceptPieces(peer, [line], "source", now);
    return;
  }
  peer.out.push({ type: "refuse-piece", piece: line.piece, from: "source" });
  pieces.pending.delete(line.piece);
  const isSecond = pieces.contradicted.has(line.piece);
  pieces.contradicted.set(line.piece, line.hash.slice());
  peer.grants.changed = true;
  if (!isSecond) return;
  if (sender.grant === undefined) sourceFailed(source, { code: "source-unavailable", retryAfterMs: 0 }, limits, now);
  else failGrant(peer, sender.grant, { code: "piece-refused", piece: line.piece });
}

function isOwnWordBelieved(peer: PeerState, { piece, hash }: PieceHash, now: Millis): boolean {
  if (peer.fromOwnSource) return true;
  const before = peer.pieces.contradicted.get(piece);
  const outlook = outlookOf(peer, now).name;
  return before !== undefined && sameHash(before, hash) && (outlook === "alone" || outlook === "starved" || outlook === "misled");
}

/** What a parent sent is compared with the table; without a line it waits for one. */
function judgeParentPiece(peer: PeerState, sender: Transfer, from: HostId, line: PieceHash, now: Millis): void {
  const { pieces, limits, transfers } = peer;
  const isRight = pieces.told.matches(line.piece, line.hash);
  if (isRight === true) acceptPieces(peer, [line], "parent", now);
  else if (isRight === false) refuseParentPiece(peer, line.piece, from, sender.grant, transfers.isLive(sender.id) ? sender.id : undefined);
  else {
    pieces.pending.delete(line.piece);
    pieces.pending.set(line.piece, { hash: line.hash.slice(), from, grant: sender.grant, at: now });
    if (pieces.pending.size > limits.pendingPieces) forgetOldestPending(peer);
  }
}

function forgetOldestPending(peer: PeerState): void {
  const { pieces, grants } = peer;
  const oldest = pieces.pending.keys().next();
  if (oldest.done !== true) pieces.pending.delete(oldest.value);
  grants.changed = true;
}

function refuseParentPiece(peer: PeerState, piece: number, from: HostId, grant: number | undefined, transfer: number | undefined): void {
  peer.out.push({ type: "refuse-piece", piece, from });
  peer.pieces.pending.delete(piece);
  peer.grants.changed = true;
  if (transfer !== undefined) cancelTransfer(peer, transfer);
  failGrant(peer, grant, { code: "piece-refused", piece });
}

/** New lines of the table decide what landed before them. */
export function decidePending(peer: PeerState, lines: readonly PieceHash[], now: Millis): void {
  const { pieces } = peer;
  const right: PieceHash[] = [];
  for (const { piece, hash } of lines) {
    const landed = pieces.pending.get(piece);
    if (landed === undefined) continue;
    if (sameHash(landed.hash, hash)) right.push({ piece, hash: landed.hash });
    else refuseParentPiece(peer, piece, landed.from, landed.grant, undefined);
  }
  if (right.length > 0) acceptPieces(peer, right, "parent", now);
}

function acceptPieces(peer: PeerState, lines: readonly PieceHash[], from: "source" | "parent", now: Millis): void {
  const { pieces, needs } = peer;
  for (const { piece } of lines) {
    pieces.have.add(piece);
    pieces.pending.delete(piece);
    pieces.contradicted.delete(piece);
    needs.delete(piece);
    peer.rhythm.beat(now);
  }
  peer.lastProgressAt = now;
  peer.troubleSince = undefined;
  peer.out.push({ type: "accept-pieces", pieces: lines, from });
  queueReport(peer, lines, from === "source", now);
}

const NONE_PENDING = { deadline: undefined, expired: [] } as const;

/** A landed piece waits pendingMs for its line; then it is missing again, for somebody who can vouch for it. Returns when the next one does, and which did now. */
export function expirePending(
  peer: PeerState,
  now: Millis,
): { readonly deadline: Millis | undefined; readonly expired: readonly number[] } {
  const { pieces, limits, grants, transfers } = peer;
  if (pieces.pending.size === 0) return NONE_PENDING;
  const expired: number[] = [];
  let deadline: Millis | undefined;
  for (const [piece, landed] of pieces.pending) {
    const at = landed.at + limits.pendingMs;
    if (at > now) {
      deadline = at;
      break;
    }
    expired.push(piece);
  }
  for (const piece of expired) {
    pieces.pending.delete(piece);
    pieces.lineless.add(piece);
    transfers.excuse(piece);
  }
  if (expired.length > 0) grants.changed = true;
  return { deadline, expired };
}
