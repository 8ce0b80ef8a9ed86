import type { PieceRun } from "@darner/domain";
import { isWanting, lacks, type Member } from "../books/member.ts";
import { hasAccess, readsWhole } from "../source/choose-reader.ts";
import { giveStripe, giveStripeOf } from "../source/source-frontier.ts";
import type { Memory, Turn } from "../turn.ts";

/**
 * Hosts come from another scheduler, each with what it holds and reads: what is granted before the last of them has told
 * could be on its way already.
 *
 *     movingUntil = now + forMs; every swarm somebody waits in is looked over then
 */
export function awaitMoving(memory: Memory, forMs: number, now: number): void {
  memory.movingUntil = now + forMs;
  for (const swarm of memory.tasks.values()) {
    swarm.lookAt = undefined;
    if ([...swarm.allGroups()].some((group) => group.waiting(1) > 0)) memory.deadlines.plan(swarm, memory.movingUntil);
  }
}

/**
 * Grants a peer what it reads already: nobody else is asked for it. Only what is cold here, what it lacks, and as much as the blob has.
 * Who reads is the root of a tree, in whatever order the hosts come: else it would send to a root besides its children.
 */
export function adoptReading(turn: Turn, member: Member, runs: readonly PieceRun[]): void {
  const group = turn.swarm.groupOf(member);
  if (runs.length > 0 && isWanting(member)) group.trees.crown(member, ({ peer }) => peer?.stripes === 0);
  for (const { first, stride, count } of runs) {
    if (stride !== 1 || !hasAccess(turn, member)) return;
    if (readsWhole(turn, member)) {
      giveStripe(turn, group, member);
      return;
    }
    let stripe: number[] = [];
    for (let piece = Math.max(0, first); piece < first + count && piece < group.pieces; piece++) {
      if (isWanting(member) && group.isCold(piece) && lacks(member, piece)) stripe.push(piece);
      else if (stripe.length > 0) {
        giveStripeOf(turn, group, member, stripe);
        stripe = [];
      }
    }
    if (stripe.length > 0) giveStripeOf(turn, group, member, stripe);
  }
}
