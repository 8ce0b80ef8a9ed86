import { drop } from "../books/grant-book.ts";
import type { Member } from "../books/member.ts";
import type { Turn } from "../turn.ts";

// One child alone could be the one that is wrong.
const REFUSERS = 2;

/** Who sends wrong bytes gives nobody any more, and is fed on: left to itself it would read a copy of its own. */
export function putLast(turn: Turn, member: Member): void {
  turn.swarm.groupOf(member).trees.makeLeaf(member);
  for (const grant of [...member.feeding]) drop(turn, grant, true);
}

/**
 * A parent that sent wrong bytes to two children is put last before any proof: it would not hold the piece if it were not as the table says,
 * and sends something else.
 *
 *     put last ⇔ REFUSERS children refused a piece of it; nobody is sent to it for slowMs, in no swarm
 */
export function distrustRefused(turn: Turn, parent: Member): void {
  const { limits, now, swarm } = turn;
  const refusers = new Set<Member>();
  for (const { accused, accuser } of swarm.accusations) if (accused === parent) refusers.add(accuser);
  if (refusers.size < REFUSERS) return;
  parent.host.benchedUntil = Math.max(parent.host.benchedUntil, now + limits.slowMs);
  putLast(turn, parent);
}
