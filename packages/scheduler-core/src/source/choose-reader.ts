import type { Group } from "../books/group.ts";
import { isWanting, type Member, type Wanting } from "../books/member.ts";
import type { Turn } from "../turn.ts";

/** Whether a peer has a right to read this blob from its source, now or later. */
export function hasAccess(turn: Turn, member: Member): member is Wanting {
  if (!isWanting(member) || member.peer.access === "none") return false;
  return !turn.memory.trust.isStruck(turn.swarm.id, member.registry, member.host.id, turn.now);
}

/** When a peer with access may be asked to read: an instant, past where it may now. */
export function readableFrom(turn: Turn, member: Wanting): number {
  const { pausedUntil } = turn.memory.registries.of(member.registry);
  return Math.max(pausedUntil, member.peer.sourceRestUntil, member.peer.heldBackUntil);
}

/** Whether a peer could be a reader of stripes: access, registry not paused, not resting. */
export function mayReadSoon(turn: Turn, member: Member): member is Wanting {
  return hasAccess(turn, member) && readableFrom(turn, member) <= turn.now;
}

/** Whether its source can only be read as a whole. */
export function readsWhole(turn: Turn, member: Wanting): boolean {
  return member.peer.sequential || turn.swarm.sequential.has(member.registry);
}

/** Whether a peer may be given a stripe now, with what its registry bears cluster-wide. */
export function mayRead(turn: Turn, member: Member): member is Wanting {
  if (!mayReadSoon(turn, member)) return false;
  return turn.memory.registries.of(member.registry).stripes < turn.limits.maxConnectionsPerRegistry;
}

/** The stripes a peer reads now. */
export function stripesOf(member: Wanting): number {
  let count = 0;
  for (const grant of member.peer.grants.values()) if (grant.parent === undefined) count += 1;
  return count;
}

/**
 * Who reads the next stripe: filter (may read) → order → first.
 *
 *     ranges before whole blobs, fewest stripes in progress, not the benched, seeds, readers before preheats, least to send, id
 */
export function chooseReader(turn: Turn, group: Group, maxStripesEach: number, without?: Member): Wanting | undefined {
  let chosen: { readonly member: Wanting; readonly rank: readonly number[] } | undefined;
  for (const member of group.members) {
    if (member === without || !mayRead(turn, member)) continue;
    const stripes = stripesOf(member);
    if (stripes > maxStripesEach) continue;
    const rank = [
      Number(readsWhole(turn, member)),
      stripes,
      Number(member.host.benchedUntil > turn.now),
      Number(!member.host.seed),
      Number(member.peer.priority === "preheat"),
      member.host.backlogBytes,
    ];
    if (chosen === undefined || precedes(rank, chosen.rank, member.host.id < chosen.member.host.id)) chosen = { member, rank };
  }
  return chosen?.member;
}

function precedes(left: readonly number[], right: readonly number[], onTie: boolean): boolean {
  for (const [index, value] of left.entries()) {
    const other = right[index] ?? 0;
    if (value !== other) return value < other;
  }
  return onTie;
}
