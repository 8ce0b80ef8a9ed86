import type { PieceSet } from "@darner/domain";
import { unpromise } from "../books/grant-book.ts";
import type { Host } from "../books/host-table.ts";
import { isWanting, type Member } from "../books/member.ts";
import { dismissIfIdle, dropGrants, forgetHave } from "./restart-peer.ts";
import type { Turn } from "../turn.ts";

/** The host's part in the task, through this registry; undefined where a table is full. One that came through another registry begins anew. */
export function memberFor(turn: Turn, host: Host, registry: string): Member | undefined {
  const { swarm, limits } = turn;
  const known = swarm.members.get(host.id);
  if (known?.registry === registry) return known;
  if (known !== undefined) {
    dropGrants(turn, known, true);
    forgetHave(turn, swarm.groupOf(known), known);
    known.peer = undefined;
    dismissIfIdle(turn, known);
  }
  if (swarm.members.size >= limits.maxMembersPerTask) return undefined;
  const group = swarm.groupFor(registry, limits.maxRegistriesPerTask);
  return group === undefined ? undefined : swarm.admit(host, registry, group);
}

/** Replaces what a member is known to hold. */
export function replaceHave(turn: Turn, member: Member, have: PieceSet): void {
  const group = turn.swarm.groupOf(member);
  for (const piece of [...member.have]) {
    if (have.has(piece)) continue;
    member.have.delete(piece);
    group.countHeld(piece, -1);
    turn.loose.add(member);
  }
  member.proven &&= have.isFull;
  for (const piece of have) notePiece(turn, member, piece);
  group.noteIdle(member);
  turn.touched.add(member);
}

/** A member holds one more piece; whatever promised it is done with it. */
export function notePiece(turn: Turn, member: Member, piece: number): void {
  const group = turn.swarm.groupOf(member);
  group.hold(member, piece);
  const grant = member.peer?.promised[piece];
  if (grant !== undefined) unpromise(turn, grant, piece);
  if (!isWanting(member)) group.idle.delete(member);
}
