import { give, owed, withdrawFrom } from "../../books/grant-book.ts";
import type { Group } from "../../books/group.ts";
import type { Member, Wanting } from "../../books/member.ts";
import { readyPieces } from "../prefix-window.ts";
import { randomStretch } from "../random-stretch.ts";
import { mayFeed } from "../score-parent.ts";
import type { Turn } from "../../turn.ts";

/** Two full reports of a peer (`reportPieces` of peer-core): what it was sent and did not report yet is less. */
const CROWDED_PIECES = 32;

/**
 * Who waits for more than a link brings in a while takes the later half of it from a holder whose link is free.
 *
 *     crowded ⇔ a parent has CROWDED_PIECES pieces or more ready for the peer
 *     from the first of a stretch of the members that holds half of these, is not slow, and has nothing ready for anybody;
 *     within the peer's zone only
 */
export function leaveCrowdedParents(turn: Turn, group: Group, member: Wanting): void {
  // Counted before anything is listed: hardly ever is so much ready, and this is looked at with every report.
  if (member.peer.promisedCount < CROWDED_PIECES || readyPieces(member) < CROWDED_PIECES) return;
  for (const [parent, ready] of readyByParent(member)) {
    if (ready.length < CROWDED_PIECES || parent.host.zone !== member.host.zone) continue;
    const later = ready.slice(ready.length >> 1);
    const holder = freeHolder(turn, group, member, parent, later);
    if (holder === undefined) continue;
    const pieces = later.filter((piece) => holder.have.has(piece)).sort((left, right) => left - right);
    withdrawFrom(turn, member, pieces);
    give(turn, { child: member, parent: holder, pieces });
  }
}

function readyByParent(child: Wanting): Map<Member, number[]> {
  const ready = new Map<Member, number[]>();
  for (const grant of child.peer.grants.values()) {
    const { parent } = grant;
    if (parent === undefined) continue;
    const pieces = ready.get(parent) ?? [];
    ready.set(parent, pieces);
    for (const piece of owed(grant)) if (parent.have.has(piece)) pieces.push(piece);
  }
  return ready;
}

function freeHolder(turn: Turn, group: Group, child: Wanting, parent: Member, pieces: readonly number[]): Member | undefined {
  for (const holder of randomStretch(turn, group)) {
    if (holder === parent || holder.host.isSlow || holder.host.zone !== child.host.zone) continue;
    if (!mayFeed(turn, holder, child) || hasReady(holder)) continue;
    if (2 * pieces.filter((piece) => holder.have.has(piece)).length >= pieces.length) return holder;
  }
  return undefined;
}

function hasReady(parent: Member): boolean {
  for (const grant of parent.feeding) if (owed(grant).some((piece) => parent.have.has(piece))) return true;
  return false;
}
