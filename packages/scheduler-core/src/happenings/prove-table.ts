import type { PieceHash } from "@darner/domain";
import { solve } from "./inquiry.ts";
import { dismissIfIdle, dropGrants } from "./restart-peer.ts";
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
  if (group === swarm.proven) turn.memory.trust.clearFailures(swarm.id, member.registry);
  uniteGroups(turn);
  solve(turn, swarm.groupOf(member));
}

/**
 * Makes a complete proven table everybody's: the other groups are compared with it, and those that do not contradict it join its group.
 * A group that has no line yet goes on reading: a registry that has shown nothing of the blob is given nothing of it under its name.
 * One that does goes on with its own: it is not another host's proof that drops what it has, but its own failed one.
 */
export function uniteGroups(turn: Turn): void {
  const { swarm, limits } = turn;
  const { proven } = swarm;
  if (proven?.tableIsComplete !== true) return;
  for (const [registry, group] of [...swarm.groups]) {
    const known = group.table();
    if (group === proven || !hasShown(group, known) || known.some((line) => proven.matches(line) === false)) continue;
    swarm.groups.delete(registry);
    if (swarm.joined.size < limits.maxRegistriesPerTask) swarm.joined.add(registry);
    joinProven(turn, group, known, proven);
  }
}

/** Whether something came through a group's registry: a piece that somebody read there, or the whole on a host that proved it. */
function hasShown(group: Group, known: readonly PieceHash[]): boolean {
  return known.length > 0 || [...group.members].some(({ proven }) => proven);
}

function joinProven(turn: Turn, group: Group, known: readonly PieceHash[], proven: Group): void {
  const pieces = new Set(known.map(({ piece }) => piece));
  const unknown: PieceHash[] = proven.table().filter(({ piece }) => !pieces.has(piece));
  for (const member of group.members) proven.enter(member);
  for (const member of group.members) {
    turn.touched.add(member);
    // Lines of its own group may not have been due yet.
    const unsent = group.lineLog.slice(member.linesSent).flatMap((piece) => group.lineOf(piece) ?? []);
    member.linesSent = proven.lineLog.length;
    sendLines(turn, member, [...unsent, ...unknown]);
  }
}
