import { forgivenAt } from "./books/avoided-parents.ts";
import { feedPeer } from "./feeding/feed-peer.ts";
import type { Group } from "./books/group.ts";
import { withdrawEmptyPromises } from "./feeding/lost-promises.ts";
import { isWanting, type Member } from "./books/member.ts";
import { askForTable } from "./books/ask-table.ts";
import { followMoved } from "./feeding/follow-trees.ts";
import { dismissIfIdle } from "./happenings/restart-peer.ts";
import { restTable } from "./books/resting-tables.ts";
import { rescueStripes } from "./source/rescue-stripes.ts";
import { advanceFrontier } from "./source/source-frontier.ts";
import { nextStall } from "./source/stalled-reader.ts";
import { sourceReadableFrom, tellStanding } from "./standing.ts";
import type { Turn } from "./turn.ts";

/** Ends a turn: after what happened was booked, everybody it touched is promised what can be promised now. */
export function settle(turn: Turn): void {
  const { swarm } = turn;
  for (const member of [...turn.touched, ...turn.loose]) dismissIfIdle(turn, member);
  if (turn.now < turn.memory.movingUntil) {
    planAfterMove(turn);
    return;
  }
  const said = turn.effects.length;
  for (const group of swarm.allGroups()) provide(turn, group);
  // Where nothing was given or taken back a second round finds what the first one did.
  const isMoved = turn.effects.length > said || turn.loose.size > 0;
  // Whoever still waits for what it was to pass on has no way to it: its children look for their own.
  withdrawEmptyPromises(turn);
  for (const group of swarm.allGroups()) {
    if (isMoved) provide(turn, group);
    group.stirred = false;
    askForTable(turn, group);
    const readable = askedOnce(() => sourceReadableFrom(turn, group));
    for (const member of new Set([...turn.touched, ...idleOf(turn, group)]))
      if (group.members.has(member)) tellStanding(turn, member, readable);
    restTable(turn, group);
    planNextLook(turn, group, readable);
  }
}

/** Who waits is looked after when the hosts that are on their way here have come. */
function planAfterMove({ memory, swarm }: Turn): void {
  if ([...swarm.allGroups()].some((group) => group.waiting(1) > 0)) memory.deadlines.plan(swarm, memory.movingUntil);
}

/** Whom something may have changed for that is promised nothing; while the blob waits for its turn that is looked at every checkEveryMs only. */
function idleOf({ memory, swarm }: Turn, group: Group): Iterable<Member> {
  return memory.queue.waiting.has(swarm) ? [] : group.idle;
}

function provide(turn: Turn, group: Group): void {
  rescueStripes(turn, group);
  const touched = [...turn.touched].filter((member) => group.members.has(member));
  for (const member of inOrder(touched)) feedPeer(turn, group, member);
  followMoved(turn, group);
  advanceFrontier(turn, group);
  if (!group.stirred) return;
  const gaining = [...group.idle].filter((member) => mayGain(turn, group, member));
  for (const member of inOrder(gaining)) feedPeer(turn, group, member);
}

/** While a blob waits for its turn nothing is there for who has whatever somebody holds: in a large swarm that is everybody, at each report of one. */
function mayGain({ memory, swarm }: Turn, { pieces, coldPieces }: Group, { have }: Member): boolean {
  return !memory.queue.waiting.has(swarm) || have.count < pieces - coldPieces;
}

/** Waiting readers before preheats. */
function inOrder(members: readonly Member[]): Member[] {
  const isPreheat = (member: Member): boolean => member.peer?.priority === "preheat";
  return [...members.filter((member) => !isPreheat(member)), ...members.filter(isPreheat)];
}

/** A swarm in which somebody waits is looked over every checkEveryMs, and when a paused source may be asked again or a parent is forgiven. */
function planNextLook(turn: Turn, group: Group, sourceReadable: () => number | undefined): void {
  const { memory, limits, now, swarm } = turn;
  if (group.waiting(1) === 0) {
    group.round = undefined;
    group.wasRead = false;
    return;
  }
  let at = Math.min((group.round?.beganAt ?? now) + limits.checkEveryMs, swarm.lookAt ?? Number.MAX_SAFE_INTEGER);
  const readable = group.idle.size > 0 ? sourceReadable() : undefined;
  if (readable !== undefined && readable > now) at = Math.min(at, readable);
  for (const member of idleOf(turn, group)) {
    const forgiven = isWanting(member) ? forgivenAt(turn, member) : undefined;
    if (forgiven !== undefined && forgiven > now) at = Math.min(at, forgiven);
  }
  swarm.lookAt = at;
  memory.deadlines.plan(swarm, Math.min(at, group.round?.nextAt ?? at, group.linesDueAt ?? at, nextStall(turn, group) ?? at));
}

/** Asks at most once: every idle peer of a group gets the same answer. */
function askedOnce(ask: () => number | undefined): () => number | undefined {
  let answer: { readonly value: number | undefined } | undefined;
  return () => (answer ??= { value: ask() }).value;
}
