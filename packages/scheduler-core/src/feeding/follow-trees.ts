import type { Group } from "../books/group.ts";
import { give, owed, withdraw } from "../books/grant-book.ts";
import { isWanting, lacks, type Member, type Wanting } from "../books/member.ts";
import type { SpreadTree } from "../trees/spread-tree.ts";
import { depthOf } from "./promise-chain.ts";
import { mayFeed } from "./score-parent.ts";
import type { Turn } from "../turn.ts";

/**
 * A peer that came, or lost a parent, is promised from its place in the trees what is on its way down them.
 *
 *     followed ⇔ some peer is still promised the piece, and the one above is promised it;
 *                who lost a parent takes from the next one also what that one has already
 */
export function followTrees(turn: Turn, group: Group, member: Wanting): void {
  const isOrphan = turn.loose.has(member);
  const given = new Map<Member, number[]>();
  for (let piece = member.have.firstMissing(); piece < group.pieces; piece++) {
    if (group.promised[piece] === 0 || !lacks(member, piece)) continue;
    const tree = group.trees.trees[(group.treeOf[piece] ?? 0) - 1];
    const parent = tree === undefined ? undefined : parentFor(turn, group, tree, member, piece);
    if (parent === undefined || (!isOrphan && parent.have.has(piece))) continue;
    const pieces = given.get(parent);
    if (pieces === undefined) given.set(parent, [piece]);
    else pieces.push(piece);
  }
  for (const [parent, pieces] of given) give(turn, { child: member, parent, pieces });
}

/** The nearest one above that holds the piece or is promised it; above the root it is who reads the piece. */
function parentFor(turn: Turn, group: Group, tree: SpreadTree, member: Wanting, piece: number): Member | undefined {
  for (let above = tree.parentOf(member); above !== undefined; above = tree.parentOf(above)) {
    if (above.peer?.promised[piece]?.alone !== true && mayFeed(turn, above, member) && depthOf(above, piece) !== undefined) return above;
  }
  const reader = group.readingOf(piece)?.child;
  return reader !== undefined && mayFeed(turn, reader, member) ? reader : undefined;
}

/** Whoever has another parent now takes from it what the one before does not have yet; from a slow one's place everything. */
export function followMoved(turn: Turn, group: Group): void {
  for (const [index, tree] of group.trees.trees.entries()) {
    if (tree.moved.size === 0) continue;
    const moved = [...tree.moved];
    tree.moved.clear();
    for (const member of moved) {
      const parent = tree.parentOf(member);
      if (parent !== undefined && isWanting(member) && mayFeed(turn, parent, member)) moveTo(turn, group, member, parent, index + 1);
    }
  }
}

function moveTo(turn: Turn, group: Group, member: Wanting, parent: Member, tree: number): void {
  for (const grant of [...member.peer.grants.values()]) {
    const before = grant.parent;
    if (before === undefined || before === parent || grant.unit || group.treeOf[grant.run.first] !== tree) continue;
    const pieces = owed(grant).filter((piece) => (before.host.isSlow || !before.have.has(piece)) && leadsElsewhere(parent, piece, member));
    if (pieces.length === 0) continue;
    withdraw(turn, grant, pieces);
    give(turn, { child: member, parent, pieces });
  }
}

/** Whether `parent` has the piece or gets it, and not by way of `child`. */
function leadsElsewhere(parent: Member, piece: number, child: Member): boolean {
  for (let at: Member | undefined = parent; at !== undefined && !at.have.has(piece);) {
    const grant: { readonly parent: Member | undefined } | undefined = at.peer?.promised[piece];
    if (at === child || grant === undefined) return false;
    at = grant.parent;
  }
  return true;
}
