import { give, owed, withdraw } from "../../books/grant-book.ts";
import type { Group } from "../../books/group.ts";
import type { Grant, Member, Wanting } from "../../books/member.ts";
import { otherHolder } from "../hedge-piece.ts";
import type { Turn } from "../../turn.ts";

/** What a slow link brings in the next second or two; it goes on with that. */
const KEPT_PIECES = 4;

/**
 * What a slow parent owes a peer is taken from others that hold it by now.
 *
 *     moved = what a parent with a slow link owes, but for the first KEPT_PIECES it has ready, where another holder has it whose link is not slow
 *     from the best such holder, a run of minRunPieces at a time: each is busier by what it was given
 */
export function leaveSlowParents(turn: Turn, group: Group, member: Wanting): void {
  const kept = new Map<Member, number>();
  for (const grant of [...member.peer.grants.values()]) {
    const { parent } = grant;
    if (parent?.host.isSlow !== true) continue;
    let left = kept.get(parent) ?? KEPT_PIECES;
    const pieces: number[] = [];
    for (const piece of owed(grant)) {
      if (parent.have.has(piece) && left > 0) left -= 1;
      else if ((group.held[piece] ?? 0) > (parent.have.has(piece) ? 1 : 0)) pieces.push(piece);
    }
    kept.set(parent, left);
    moveAway(turn, group, member, grant, pieces);
  }
}

function moveAway(turn: Turn, group: Group, member: Wanting, grant: Grant, pieces: readonly number[]): void {
  const longest = Math.max(1, turn.limits.minRunPieces);
  let run: number[] = [];
  let from: Member | undefined;
  const moves: { readonly from: Member; readonly pieces: readonly number[] }[] = [];
  for (const piece of pieces) {
    if (from === undefined || run.length >= longest || !from.have.has(piece)) {
      if (from !== undefined && run.length > 0) moves.push({ from, pieces: run });
      run = [];
      from = otherHolder(turn, group, member, piece);
      if (from?.host.isSlow === true) from = undefined;
    }
    if (from !== undefined) run.push(piece);
  }
  if (from !== undefined && run.length > 0) moves.push({ from, pieces: run });
  if (moves.length === 0) return;
  withdraw(
    turn,
    grant,
    moves.flatMap((move) => move.pieces),
  );
  for (const move of moves) give(turn, { child: member, parent: move.from, pieces: move.pieces });
}
