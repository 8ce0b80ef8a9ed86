import type { SchedulerEvent } from "../event.ts";
import type { Host } from "../books/host-table.ts";
import { drop } from "../books/grant-book.ts";
import type { Member } from "../books/member.ts";
import { isDoubted } from "./inquiry.ts";
import { memberFor, replaceHave } from "./membership.ts";
import { noteProof } from "./prove-table.ts";
import { dropGrants, forgetHave, wantAgain } from "./restart-peer.ts";
import type { Turn } from "../turn.ts";

/** A host's session ended: what it held and was to give is gone, what it read is read by somebody else. */
export function loseMember(turn: Turn, member: Member): void {
  const group = turn.swarm.groupOf(member);
  dropGrants(turn, member, false);
  forgetHave(turn, group, member);
  for (const grant of [...member.feeding]) drop(turn, grant, true);
  member.peer = undefined;
  turn.touched.delete(member);
  turn.loose.delete(member);
  turn.swarm.dismiss(member);
}

/** A holder says what it has of a blob; its word replaces what was known. */
export function announceBlob(turn: Turn, host: Host, event: Extract<SchedulerEvent, { type: "blob-announced" }>): void {
  const { have, registry, proven } = event;
  if (have.size !== turn.swarm.pieces || isDoubted(turn, host, registry)) return;
  const member = memberFor(turn, host, registry);
  if (member === undefined) return;
  if (proven && have.isFull) noteProof(turn, turn.swarm.groupOf(member), member);
  else {
    replaceHave(turn, member, have);
    wantAgain(turn, turn.swarm.groupOf(member), member);
  }
}

/** A holder no longer has a blob. A peer of it goes on wanting it, and has forgotten the lines, too, that it told itself or needed no more. */
export function dropBlob(turn: Turn, member: Member): void {
  const group = turn.swarm.groupOf(member);
  forgetHave(turn, group, member);
  member.linesSent = 0;
  wantAgain(turn, group, member);
}
