import type { Group } from "../books/group.ts";
import type { Member, Wanting } from "../books/member.ts";
import { depthOf } from "./promise-chain.ts";
import { randomStretch } from "./random-stretch.ts";
import { busyBytes, isBetter, mayFeed, scoreParent, type Candidate, type TreeShape } from "./score-parent.ts";
import type { Turn } from "../turn.ts";

/**
 * The best parent for one piece: filter (may feed the child, and holds the piece or is promised it) → score → least.
 * In a large group a random stretch of the members is compared, all of them only where that stretch has none.
 */
export function selectParent(
  turn: Turn,
  group: Group,
  child: Wanting,
  piece: number,
  shape: TreeShape,
  without?: Member,
): Member | undefined {
  const members = group.list();
  if (members.length <= turn.limits.maxParentsCompared) return best(turn, members, child, piece, shape, without);
  return best(turn, randomStretch(turn, group), child, piece, shape, without) ?? best(turn, members, child, piece, shape, without);
}

function best(
  turn: Turn,
  members: readonly Member[],
  child: Wanting,
  piece: number,
  shape: TreeShape,
  without?: Member,
): Member | undefined {
  let chosen: Candidate | undefined;
  for (const member of members) {
    if (member === without || !mayFeed(turn, member, child)) continue;
    const depth = depthOf(member, piece);
    if (depth === undefined) continue;
    const candidate = { member, score: scoreParent(busyBytes(member), 0, depth, turn.swarm.pieceBytes, shape) };
    if (chosen === undefined || isBetter(candidate, chosen, child)) chosen = candidate;
  }
  return chosen?.member;
}
