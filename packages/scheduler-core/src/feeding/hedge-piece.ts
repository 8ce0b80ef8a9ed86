import { give, unpromise, withdraw } from "../books/grant-book.ts";
import type { Group } from "../books/group.ts";
import type { Member, Wanting } from "../books/member.ts";
import { selectParent } from "./select-parent.ts";
import { treeShape } from "./tree-shape.ts";
import type { Turn } from "../turn.ts";

/** The best parent that holds a piece, other than the one that promised it; undefined where there is none. */
export function otherHolder(turn: Turn, group: Group, member: Wanting, piece: number): Member | undefined {
  if ((group.held[piece] ?? 0) === 0) return undefined;
  const promisedBy = member.peer.promised[piece]?.parent;
  const other = selectParent(turn, group, member, piece, treeShape(turn, group, "holder"), promisedBy);
  return other?.have.has(piece) === true ? other : undefined;
}

/**
 * Promises a piece from somewhere else, once. A parent that has the piece, and a source read, run on unsaid, for whichever brings it
 * first; a parent that does not have it would only keep the child from asking elsewhere: that promise is taken back.
 */
export function hedge(turn: Turn, child: Wanting, parent: Member | undefined, piece: number): void {
  const before = child.peer.promised[piece];
  if (before?.parent !== undefined && !before.parent.have.has(piece)) withdraw(turn, before, [piece]);
  else if (before !== undefined) unpromise(turn, before, piece);
  child.peer.hedged.add(piece);
  give(turn, { child, parent, pieces: [piece] });
}
