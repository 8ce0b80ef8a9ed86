import type { Group } from "../books/group.ts";
import { give, inRuns, type PiecesInRun } from "../books/grant-book.ts";
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
    const deal = { entry, pieces: part, runs: inRuns(part), certain: new Set(canPassOn(entry, part) ? [entry] : []) };
    for (const member of tree.downwards()) {
      if (member === entry || !isWanting(member) || member.peer.heldBackUntil > turn.now) continue;
      takeDownTree(turn, tree, member, deal);
      // A message goes to it anyway.
      sendNewLines(turn, group, member);
    }
  }
}

/** What goes down one tree. */
type Deal = {
  readonly entry: Member;
  readonly pieces: readonly number[];
  readonly runs: readonly PiecesInRun[];
  /** Who was just promised all of it by such a one, from the entry on: it will have it, which need not be looked up step by step. */
  readonly certain: Set<Member>;
};

function canPassOn(member: Member, pieces: readonly number[]): boolean {
  return pieces.every((piece) => depthOf(member, piece) !== undefined);
}

/** Grants a child what it lacks, from its parent in the tree; what that one will not have, from the next one above. */
function takeDownTree(turn: Turn, tree: SpreadTree, child: Wanting, { entry, pieces, runs, certain }: Deal): void {
  let missing = pieces.every((piece) => lacks(child, piece)) ? pieces : pieces.filter((piece) => lacks(child, piece));
  for (let above = tree.parentOf(child); missing.length > 0; above = tree.parentOf(above)) {
    const parent = above ?? entry;
    if (mayFeed(turn, parent, child)) {
      const isCertain = certain.has(parent);
      const given = isCertain ? missing : missing.filter((piece) => depthOf(parent, piece) !== undefined);
      if (given.length > 0) give(turn, { child, parent, pieces: given, ...(given === pieces ? { runs } : {}) });
      if (isCertain && given === pieces) certain.add(child);
      if (given.length === missing.length) return;
      missing = missing.filter((piece) => lacks(child, piece));
    }
    if (above === undefined) return;
  }
}
