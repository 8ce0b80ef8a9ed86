import type { Group } from "../books/group.ts";
import { give } from "../books/grant-book.ts";
import { isWanting, lacks, type Member, type Wanting } from "../books/member.ts";
import { sendNewLines } from "../books/piece-lines.ts";
import type { SpreadTree } from "../trees/spread-tree.ts";
import { depthOf } from "./promise-chain.ts";
import { mayFeed } from "./score-parent.ts";
import type { Turn } from "../turn.ts";

/** A stripe or two that one reader was dealt before the other is no reason to send pieces round: the other's come. */
const PARTS_AHEAD = 16;
/** Toward the end there is little left that could make up for it. */
const PARTS_AHEAD_OF_COLD = 4;

/**
 * Lets every peer that lacks these pieces have them by way of `entry`, who brings them into the swarm.
 *
 *     carriers = max(1, trees / entries): the tree whose root the entry is, then those that carried least;
 *                a tree that is further ahead of the least is passed over: more than these pieces, or min(1/16 of all, 1/4 of what is cold)
 *
 * So together the entries keep every tree equally busy. Each piece goes down one tree, from parent to child; the entry sends it
 * to the root.
 */
export function spread(turn: Turn, group: Group, entry: Member, pieces: readonly number[], entries: number): void {
  const { trees } = group.trees;
  const own = group.trees.rootedAt(entry);
  const least = Math.min(...trees.map((tree) => tree.load));
  const sixteenth = Math.ceil(group.pieces / PARTS_AHEAD);
  const ahead = Math.max(pieces.length, Math.min(sixteenth, Math.ceil(group.coldPieces / PARTS_AHEAD_OF_COLD)));
  const rank = (tree: SpreadTree): number => (tree === own && tree.load <= least + ahead ? -1 : tree.load);
  const sorted = [...trees].sort((left, right) => rank(left) - rank(right));
  const carriers = sorted.slice(0, Math.max(1, Math.floor(trees.length / Math.max(1, entries))));
  for (const [index, tree] of carriers.entries()) {
    const part = pieces.filter((_, at) => at % carriers.length === index);
    tree.load += part.length;
    for (const piece of part) group.treeOf[piece] = trees.indexOf(tree) + 1;
    for (const member of tree.downwards()) {
      if (member === entry || !isWanting(member) || member.peer.heldBackUntil > turn.now) continue;
      takeDownTree(turn, tree, entry, member, part);
      // A message goes to it anyway.
      sendNewLines(turn, group, member);
    }
  }
}

/** Grants a child what it lacks, from its parent in the tree; what that one will not have, from the next one above. */
function takeDownTree(turn: Turn, tree: SpreadTree, entry: Member, child: Wanting, pieces: readonly number[]): void {
  let missing = pieces.filter((piece) => lacks(child, piece));
  for (let above = tree.parentOf(child); missing.length > 0; above = tree.parentOf(above)) {
    const parent = above ?? entry;
    if (mayFeed(turn, parent, child)) {
      const given = missing.filter((piece) => depthOf(parent, piece) !== undefined);
      if (given.length > 0) give(turn, { child, parent, pieces: given });
      if (given.length === missing.length) return;
      missing = missing.filter((piece) => lacks(child, piece));
    }
    if (above === undefined) return;
  }
}
