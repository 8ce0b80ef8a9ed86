import { give } from "../books/grant-book.ts";
import type { Group } from "../books/group.ts";
import { lacks, type Member, type Wanting } from "../books/member.ts";
import { readyPieces } from "./prefix-window.ts";
import { depthOf } from "./promise-chain.ts";
import { randomStretch } from "./random-stretch.ts";
import { mayFeed } from "./score-parent.ts";
import type { Turn } from "../turn.ts";

/** A step more is worth so many pieces that a parent has to send before. */
const STEP_PIECES = 4;
/** More would be asked of who is the best one now, and is not when it comes to them. */
const PARTS_AT_ONCE = 16;
/** Where less is held of all that could be, a tree brings it to everybody with fewer messages, and nobody has much that another one lacks. */
const HELD_PARTS = 4;
/** In larger swarms a stretch of the members seldom has one of the few that hold what is scarce. */
const STRETCHES = 4;

/**
 * When all is dealt of the source, who came while it was read lacks what was read before: each another part of the blob, from its front on. A tree
 * would be much too slow for that, as most of those below a peer have other pieces to wait for. So everybody gathers what it lacks, the scarcest
 * first, from who has least to send. Says whether the peer is promised anything then: else the trees are its way.
 *
 *     applies ⇔ the source was read while peers waited, and nothing is cold any more; a quarter of all that the members can hold is held;
 *               there are 4 × maxParentsCompared of them at most, all of one zone
 *     next    = of the pieces it lacks that with the fewest who hold it or are promised it; the first from a random one on
 *     from    = who holds it or is promised it, is not slow if there is another, and has the least backlog + 4 pieces for each step it is away
 *     until   the peer is promised max(4 pieces, 0.3 s × measured rate) that are ready at their parents, or max(4 pieces, 1/16 of the blob) in all
 */
export function gatherRest(turn: Turn, group: Group, member: Wanting): boolean {
  if (!group.wasRead || group.coldPieces > 0 || group.members.size > STRETCHES * turn.limits.maxParentsCompared) return false;
  const members = randomStretch(turn, group);
  if (!holdMuch(group, member, members)) return false;
  const given = new Map<Member, number[]>();
  let ready = readyWanted(turn, member) - readyPieces(member);
  let left = Math.max(turn.limits.minRunPieces, Math.floor(group.pieces / PARTS_AT_ONCE)) - member.peer.promisedCount;
  for (const piece of ready > 0 && left > 0 ? scarcestFirst(turn, group, member) : []) {
    const parent = leastBusy(turn, members, member, piece, given);
    if (parent === undefined) continue;
    const pieces = given.get(parent);
    if (pieces === undefined) given.set(parent, [piece]);
    else pieces.push(piece);
    left -= 1;
    ready -= parent.have.has(piece) ? 1 : 0;
    if (ready <= 0 || left <= 0) break;
  }
  for (const [parent, pieces] of given) {
    give(turn, { child: member, parent, pieces: pieces.sort((one, other) => one - other) });
  }
  return member.peer.promisedCount > 0;
}

/** Whether they are all of the child's zone, and hold enough. */
function holdMuch({ pieces }: Group, child: Member, members: readonly Member[]): boolean {
  let held = 0;
  for (const { have, host } of members) {
    if (host.zone !== child.host.zone) return false;
    held += have.count;
  }
  return HELD_PARTS * held >= members.length * pieces;
}

function readyWanted({ limits, swarm }: Turn, { host }: Wanting): number {
  return Math.max(limits.minRunPieces, Math.floor((host.fromPeers.bytesPerSecond * limits.runMs) / 1000 / swarm.pieceBytes));
}

function scarcestFirst({ memory }: Turn, group: Group, member: Wanting): number[] {
  const wanted: number[] = [];
  const from = Math.floor(memory.random() * group.pieces);
  for (let index = 0; index < group.pieces; index++) {
    const piece = (from + index) % group.pieces;
    if (lacks(member, piece)) wanted.push(piece);
  }
  const copies = (piece: number): number => (group.held[piece] ?? 0) + (group.promised[piece] ?? 0);
  return wanted.sort((one, other) => copies(one) - copies(other));
}

function leastBusy(
  turn: Turn,
  members: readonly Member[],
  child: Wanting,
  piece: number,
  given: ReadonlyMap<Member, readonly number[]>,
): Member | undefined {
  let chosen: { readonly member: Member; readonly cost: number } | undefined;
  for (const member of members) {
    if (!mayFeed(turn, member, child)) continue;
    const owed = member.host.backlogBytes / turn.swarm.pieceBytes + (given.get(member)?.length ?? 0);
    if (chosen !== undefined && !comesBefore(member, owed, chosen.member, chosen.cost)) continue;
    const depth = depthOf(member, piece);
    if (depth === undefined) continue;
    const cost = owed + STEP_PIECES * depth;
    if (chosen === undefined || comesBefore(member, cost, chosen.member, chosen.cost)) chosen = { member, cost };
  }
  return chosen?.member;
}

function comesBefore({ host }: Member, cost: number, { host: other }: Member, otherCost: number): boolean {
  return host.isSlow === other.isSlow ? cost < otherCost : other.isSlow;
}
