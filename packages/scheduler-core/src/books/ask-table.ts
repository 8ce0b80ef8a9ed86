import type { Group } from "./group.ts";
import type { Member } from "./member.ts";
import type { Turn } from "../turn.ts";

/**
 * Asks one holder for the lines nobody gave yet.
 *
 *     due ⇔ somebody waits, somebody holds a piece without a line, nobody was asked within askAgainMs
 */
export function askForTable(turn: Turn, group: Group): void {
  const { swarm, now, limits } = turn;
  if (group.heldWithoutLine === 0 || !someoneWaits(turn, group)) return;
  if (group.asked !== undefined) {
    if (group.asked.at + limits.askAgainMs > now) return;
    group.askedInVain.add(group.asked.member);
    group.asked = undefined;
  }
  const holder = holderToAsk(group);
  if (holder === undefined) {
    // Everybody was asked in vain: the next look begins with the first again.
    group.askedInVain.clear();
    return;
  }
  group.asked = { member: holder, at: now };
  turn.effects.push({ type: "ask-table", host: holder.host.id, task: swarm.task });
}

function someoneWaits(turn: Turn, group: Group): boolean {
  if (group.waiting(1) > 0) return true;
  // A proven table is everybody's once it is complete.
  return group === turn.swarm.proven && [...turn.swarm.allGroups()].some((other) => other.waiting(1) > 0);
}

/** A holder of a piece without a line that was not asked in vain; a proven one first. */
function holderToAsk(group: Group): Member | undefined {
  let chosen: Member | undefined;
  for (const member of group.members) {
    if (group.askedInVain.has(member) || (chosen !== undefined && !member.proven)) continue;
    if (member.proven) return member;
    if (holdsWithoutLine(group, member)) chosen = member;
  }
  return chosen;
}

function holdsWithoutLine(group: Group, member: Member): boolean {
  for (let piece = 0; piece < group.pieces; piece++) if (!group.knows(piece) && member.have.has(piece)) return true;
  return false;
}
