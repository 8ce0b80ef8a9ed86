import { assurePeer } from "../assure-peers.ts";
import type { Group } from "../books/group.ts";
import { isWanting, type Wanting } from "../books/member.ts";
import { endLateGrants, hedgeNeeded } from "./late-pieces.ts";
import { sendDueLines } from "../books/piece-lines.ts";
import { endStalledReads } from "../source/stalled-reader.ts";
import type { Turn } from "../turn.ts";

/** So many peers take some two milliseconds: nobody who asks meanwhile waits long. */
const LOOKED_AT_ONCE = 128;

/**
 * Looks over a swarm for what no event announces: late pieces, rests and benches that are over.
 *
 *     a round begins  every checkEveryMs, and when somebody may read the source again or a parent may be forgiven, if none is going on
 *     in a round      every peer that wants pieces is looked at once, LOOKED_AT_ONCE of them in a turn, the turns spread over half of checkEveryMs
 *     in its first turn everybody who is promised nothing is looked after, too
 */
export function lookOver(turn: Turn): void {
  const { swarm, now } = turn;
  for (const group of swarm.allGroups()) {
    sendDueLines(turn, group);
    endStalledReads(turn, group);
  }
  if (swarm.lookAt === undefined || swarm.lookAt <= now) {
    swarm.lookAt = undefined;
    for (const group of swarm.allGroups()) beginRound(turn, group);
  }
  for (const group of swarm.allGroups()) lookAtSome(turn, group);
}

function beginRound({ now, limits }: Turn, group: Group): void {
  group.stirred = true;
  const members = group.list();
  const turns = Math.max(1, Math.ceil(members.length / LOOKED_AT_ONCE));
  group.round ??= { beganAt: now, members, looked: 0, nextAt: now, everyMs: Math.floor(limits.checkEveryMs / 2 / turns) };
}

function lookAtSome(turn: Turn, group: Group): void {
  const { round } = group;
  if (round === undefined || round.nextAt > turn.now) return;
  for (let left = LOOKED_AT_ONCE; left > 0 && round.looked < round.members.length; round.looked += 1) {
    const member = round.members[round.looked];
    // Who left meanwhile, or has everything, is nobody to look at.
    if (member === undefined || !group.members.has(member) || !isWanting(member)) continue;
    lookAt(turn, group, member);
    left -= 1;
  }
  round.nextAt = turn.now + round.everyMs;
  if (round.looked >= round.members.length) group.round = undefined;
}

function lookAt(turn: Turn, group: Group, member: Wanting): void {
  turn.touched.add(member);
  for (const [parent, until] of member.peer.avoided) if (until <= turn.now) member.peer.avoided.delete(parent);
  endLateGrants(turn, group, member);
  hedgeNeeded(turn, group, member);
  assurePeer(turn, group, member);
}
