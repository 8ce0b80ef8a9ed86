import type { PieceHash } from "@darner/domain";
import { dismissIfIdle, dropGrants, restartMember } from "./restart-peer.ts";
import type { Group } from "../books/group.ts";
import type { Member } from "../books/member.ts";
import { sendLines } from "../books/piece-lines.ts";
import type { Turn } from "../turn.ts";

/** A member proved the digest: its group's table is the proven one. */
export function noteProof(turn: Turn, group: Group, member: Member): void {
  const { swarm } = turn;
  dropGrants(turn, member, true);
  for (let piece = 0; piece < swarm.pieces; piece++) group.hold(member, piece);
  member.proven = true;
  member.peer = undefined;
  group.idle.delete(member);
  group.needy.delete(member);
  turn.touched.delete(member);
  // A proven empty blob is nothing anybody could take.
  if (member.have.count === 0) {
    dismissIfIdle(turn, member);
    return;
  }
  swarm.proven ??= group;
  uniteGroups(turn);
}

/**
 * Makes a complete proven table everybody's: the other groups are compared with it and join its group; where one
 * contradicts it, its unproven pieces are forgotten first.
 */
export function uniteGroups(turn: Turn): void {
  const { swarm } = turn;
  const { proven } = swarm;
  if (proven?.tableIsComplete !== true) return;
  for (const [registry, group] of [...swarm.groups]) {
    if (group === proven) continue;
    swarm.groups.delete(registry);
    joinProven(turn, group, proven);
  }
}

function joinProven(turn: Turn, group: Group, proven: Group): void {
  const known = new Map(group.table().map((line) => [line.piece, line]));
  const contradicts = [...known.values()].some((line) => proven.matches(line) === false);
  const unknown: PieceHash[] = proven.table().filter((line) => !known.has(line.piece));
  for (const member of group.members) proven.enter(member);
  for (const member of group.members) {
    turn.touched.add(member);
    if (contradicts && !member.proven) restartMember(turn, proven, member);
    else sendLines(turn, member, unknown);
  }
}
