import type { Group } from "../books/group.ts";
import { requestsFrom } from "../books/request-budget.ts";
import { isWanting, type Member, type Wanting } from "../books/member.ts";
import type { Turn } from "../turn.ts";

/** Whether a peer has a right to read this blob from its source, now or later. */
export function hasAccess(turn: Turn, member: Member): member is Wanting {
  if (!isWanting(member) || member.peer.access === "none") return false;
  return !turn.memory.trust.isStruck(turn.swarm.id, member.registry, member.host.id, turn.now);
}

/** When a peer with access may be asked to read: an instant, past where it may now. */
export function readableFrom(turn: Turn, member: Wanting): number {
  const { pausedUntil, requests } = turn.memory.registries.of(member.registry);
  const budgeted = requestsFrom(requests, turn.limits.maxRequestsPerMinute, turn.now);
  return Math.max(pausedUntil, budgeted, member.peer.sourceRestUntil, member.peer.heldBackUntil);
}

/** Whether a peer could be a reader of stripes: access, registry not paused and not asked too often, not resting. */
export function mayReadSoon(turn: Turn, member: Member): member is Wanting {
  return hasAccess(turn, member) && readableFrom(turn, member) <= turn.now;
}

/** Bytes that are only for later are not read twice because they are slow. */
export function nobodyWaits({ members }: Group): boolean {
  for (const { peer } of members) if (peer !== undefined && peer.priority !== "preheat") return false;
  return true;
}

/** Whether its source can only be read as a whole. */
export function readsWhole(turn: Turn, member: Wanting): boolean {
  return member.peer.sequential || turn.swarm.sequential.has(member.registry);
}

// A stripe that is being read is not taken back: without a place of their own, readers of other blobs would wait for preheats to end.
const PREHEATS_QUARTERS = 3;

/** How many connections to a registry there may be at once for what this peer reads: preheats leave a quarter to who waits. */
export function connectionsFor({ limits }: Turn, { peer }: Member): number {
  const all = limits.maxConnectionsPerRegistry;
  return peer?.priority === "preheat" ? Math.max(1, Math.floor((all * PREHEATS_QUARTERS) / 4)) : all;
}

/** Whether a peer may be given a stripe now, with what its registry bears cluster-wide. */
export function mayRead(turn: Turn, member: Member): member is Wanting {
  if (!mayReadSoon(turn, member)) return false;
  if (member.peer.stripes > 0) return true;
  return turn.memory.registries.of(member.registry).told < connectionsFor(turn, member);
}

/**
 * Who reads the next stripe: filter (may read) → order → first.
 *
 *     ranges before whole blobs, fewest stripes, not the benched, fewest source reads that broke in a row, slow links last, seeds, readers before preheats, roots of trees, least to send, id
 */
export function chooseReader(
  turn: Turn,
  group: Group,
  maxStripesEach: number,
  chosenBefore: readonly { readonly reader: Member }[] = [],
  without?: Member,
): Wanting | undefined {
  let chosen: { readonly member: Wanting; readonly rank: readonly number[] } | undefined;
  for (const member of group.members) {
    if (member === without || !mayRead(turn, member) || chosenBefore.some(({ reader }) => reader === member)) continue;
    const { stripes } = member.peer;
    if (stripes > maxStripesEach) continue;
    const rank = [
      Number(readsWhole(turn, member)),
      stripes,
      Number(member.host.benchedUntil > turn.now),
      member.peer.sourceFailures,
      Number(member.host.isSlow),
      Number(!member.host.seed),
      Number(member.peer.priority === "preheat"),
      Number(group.trees.rootedAt(member) === undefined),
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
