import type { Group } from "../books/group.ts";
import { mayReadSoon } from "../source/choose-reader.ts";
import type { TreeShape } from "./score-parent.ts";
import type { Turn } from "../turn.ts";

/** Children a host feeds with one inflow at most: more would make its last child wait longer than a deeper tree does. */
export const MAX_FAN_OUT = 8;

/**
 * The form of the trees of a group.
 *
 *     roots  = min(maxReadersPerBlob, peers that may read the source)   for a stripe
 *              1                                                       for a whole blob from one reader
 *              min(8, waiting peers)                                   for a run from a holder
 *     fanOut = max(roots, min(8, waiting peers − 1))
 */
export function treeShape(turn: Turn, group: Group, from: "stripe" | "whole" | "holder"): TreeShape {
  const waiting = group.waiting(MAX_FAN_OUT + 1);
  let roots = 1;
  if (from === "stripe") roots = countReaders(turn, group);
  else if (from === "holder") roots = Math.min(MAX_FAN_OUT, waiting);
  return { roots: Math.max(1, roots), fanOut: Math.max(1, roots, Math.min(MAX_FAN_OUT, waiting - 1)) };
}

function countReaders(turn: Turn, group: Group): number {
  let count = 0;
  for (const member of group.members) {
    if (mayReadSoon(turn, member)) count += 1;
    if (count >= turn.limits.maxReadersPerBlob) break;
  }
  return count;
}
