import { PieceSet } from "@darner/domain";
import { drop } from "../books/grant-book.ts";
import type { Group } from "../books/group.ts";
import { isWanting, type Member } from "../books/member.ts";
import { sendNewLines, sendTable } from "../books/piece-lines.ts";
import type { Turn } from "../turn.ts";

/** Forgets what a member holds; whoever was promised pieces from it gets them another way. */
export function forgetHave(turn: Turn, group: Group, member: Member): void {
  for (const piece of member.have) group.countHeld(piece, -1);
  member.have = new PieceSet(group.pieces);
  member.proven = false;
  turn.loose.add(member);
  turn.touched.add(member);
  group.noteIdle(member);
}

/** Forgets of what a member holds the pieces without a line: nobody could tell right bytes of them from wrong ones. */
export function forgetUnlined(turn: Turn, group: Group, member: Member): void {
  const unlined = [...member.have].filter((piece) => !group.knows(piece));
  if (unlined.length === 0) return;
  for (const piece of unlined) {
    member.have.delete(piece);
    group.countHeld(piece, -1);
  }
  turn.loose.add(member);
  turn.touched.add(member);
  wantAgain(turn, group, member);
}

/** A peer that was thought to hold everything is one of those that wait: it has the lines and its place in the trees. */
export function wantAgain(turn: Turn, group: Group, member: Member): void {
  group.noteIdle(member);
  if (!isWanting(member)) return;
  group.trees.join(member);
  sendNewLines(turn, group, member);
}

/** Ends every grant of a peer: it is to begin again, or is gone. `tell` for a live one. */
export function dropGrants(turn: Turn, member: Member, tell: boolean): void {
  for (const grant of [...(member.peer?.grants.values() ?? [])]) {
    const pieces = drop(turn, grant, tell);
    if (grant.parent === undefined) for (const piece of pieces) turn.rescue.set(piece, member);
  }
}

/** The member's unproven pieces are not to be trusted: it forgets them and, where it is a peer, begins again with the table as it is now. */
export function restartMember(turn: Turn, group: Group, member: Member): void {
  dropGrants(turn, member, true);
  forgetHave(turn, group, member);
  if (member.peer === undefined) return;
  turn.effects.push({ type: "restart-peer", host: member.host.id, task: turn.swarm.task });
  sendTable(turn, group, member);
}

/** The table of a group gave bytes without the digest, or contradicts a proven one: every unproven piece that followed it goes, and the table with them. */
export function condemnTable(turn: Turn, group: Group): void {
  group.forgetTable();
  for (const member of [...group.members]) {
    if (!member.proven) restartMember(turn, group, member);
  }
}

/** Forgets a member that holds nothing and wants nothing. */
export function dismissIfIdle(turn: Turn, member: Member): void {
  if (member.peer !== undefined || member.have.count > 0 || turn.swarm.members.get(member.host.id) !== member) return;
  for (const grant of [...member.feeding]) drop(turn, grant, true);
  turn.touched.delete(member);
  turn.loose.delete(member);
  turn.swarm.dismiss(member);
}
