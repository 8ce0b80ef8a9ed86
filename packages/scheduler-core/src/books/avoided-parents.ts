import type { Member, Wanting } from "./member.ts";
import { forgetHave, wantAgain } from "../happenings/restart-peer.ts";
import { strike } from "./strikes.ts";
import type { Turn } from "../turn.ts";

/** A parent failed a child: one strike, and this child does not go back to it for avoidMs. */
export function blameParent(turn: Turn, child: Wanting, parent: Member): void {
  const { limits, now } = turn;
  strike(parent.host, child.host.id, limits, now);
  const { avoided } = child.peer;
  avoided.delete(parent.host.id);
  avoided.set(parent.host.id, now + limits.avoidMs);
  const [oldest] = avoided.keys();
  if (avoided.size > limits.maxAvoidedParents && oldest !== undefined) avoided.delete(oldest);
  disbelieve(turn, child, parent);
}

/**
 * What a host says it holds is not believed any more when it let two children down and gave nobody anything of this blob (one child, where
 * no other waits): what it holds, if it does, is to be had from somebody else.
 */
function disbelieve(turn: Turn, child: Wanting, parent: Member): void {
  const { swarm } = turn;
  const children = swarm.letDown.get(parent.host.id) ?? new Set();
  swarm.letDown.set(parent.host.id, children.add(child.host.id));
  const group = swarm.groupOf(parent);
  if (swarm.gave.has(parent.host.id) || children.size < Math.min(2, group.waiting(2)) || parent.have.count === 0) return;
  swarm.letDown.delete(parent.host.id);
  forgetHave(turn, group, parent);
  wantAgain(turn, group, parent);
}

/**
 * A peer that has no other way goes back to parents that failed it at least forgiveMs ago (three strikes bench them for all
 * the same); says whether there were any.
 */
export function forgiveParents(turn: Turn, child: Wanting): boolean {
  const { limits, now } = turn;
  const { avoided } = child.peer;
  const before = avoided.size;
  for (const [parent, until] of avoided) if (until - limits.avoidMs + limits.forgiveMs <= now) avoided.delete(parent);
  return avoided.size < before;
}

/** When the next of them may be forgiven; undefined where there is none. */
export function forgivenAt(turn: Turn, child: Wanting): number | undefined {
  const [until] = child.peer.avoided.values();
  return until === undefined ? undefined : until - turn.limits.avoidMs + turn.limits.forgiveMs;
}
