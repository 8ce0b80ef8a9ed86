import { give, owed, withdrawFrom } from "../../books/grant-book.ts";
import type { Group } from "../../books/group.ts";
import type { Grant, Member, Wanting } from "../../books/member.ts";
import { isSpreading, usualWindow } from "../prefix-window.ts";
import { randomStretch } from "../random-stretch.ts";
import { isBetter, mayFeed, type Candidate } from "../score-parent.ts";
import type { Turn } from "../../turn.ts";
import { mayGiveInstead } from "../thin-links.ts";

/**
 * Who gets less than its link bears takes a part of what it is promised from another holder.
 *
 *     inflow(c) = sum over the parents with something ready for c of 1 / children they have something ready for
 *     due       ⇔ inflow(c) < 3/4, nothing spreads from the source, and a third of the members holds the whole blob
 *     wanted    = what its parents do not have yet; then the later half of what the most crowded of them owes, or its only piece
 *     from      who holds the whole blob and has nothing ready for anybody;
 *               where c lacks a window at most: with so few children that it gives more than c has
 *     taken     = max(half of the wanted, window), window = max(4 pieces, 16 MiB, 1 s × measured rate)
 *
 * Nothing crosses from one zone to another that would not have crossed anyway (`thin-links.ts`).
 */
export function takeFromFree(turn: Turn, group: Group, member: Wanting): void {
  if (member.peer.promisedCount === 0 || isSpreading(turn, group)) return;
  const inflow = inflowOf(member);
  if (inflow >= ENOUGH_INFLOW) return;
  const wanted = wantedOf(member);
  if (wanted.length === 0) return;
  const window = usualWindow(turn, member);
  const isLast = group.pieces - member.have.count <= window;
  const holder = bestHolder(turn, group, member, wanted, isLast ? inflow : 1);
  if (holder === undefined) return;
  const held = wanted.filter(({ piece, parent }) => canGive(holder, member, piece, parent)).map(({ piece }) => piece);
  const taken = new Set(held.slice(0, Math.max(held.length >> 1, window)));
  const pieces = [...taken].sort((left, right) => left - right);
  withdrawFrom(turn, member, pieces);
  give(turn, { child: member, parent: holder, pieces });
}

// A quarter of a link is what flows that come and go leave unused anyway.
const ENOUGH_INFLOW = 3 / 4;

type Promised = { readonly piece: number; readonly parent: Member };

/** How much of its link is filled, if every parent shares its own among the children it has something ready for. */
function inflowOf(child: Wanting): number {
  let inflow = 0;
  const parents = new Set<Member>();
  for (const grant of child.peer.grants.values()) {
    const { parent } = grant;
    if (parent === undefined) return 1;
    if (parents.has(parent) || !isReady(grant)) continue;
    parents.add(parent);
    inflow += 1 / childrenOf(parent).size;
  }
  return inflow;
}

function childrenOf(parent: Member): Set<Member> {
  const children = new Set<Member>();
  for (const grant of parent.feeding) if (!children.has(grant.child) && isReady(grant)) children.add(grant.child);
  return children;
}

/** Whether its parent has something of what it owes. */
function isReady(grant: Grant): boolean {
  const { parent, run, child } = grant;
  if (parent?.have.isFull === true) return true;
  for (let index = 0; index < run.count; index++) {
    const piece = run.first + index * run.stride;
    if (parent?.have.has(piece) === true && child.peer?.promised[piece] === grant) return true;
  }
  return false;
}

function wantedOf(child: Wanting): Promised[] {
  const late: Promised[] = [];
  const ready = new Map<Member, Promised[]>();
  for (const grant of child.peer.grants.values()) {
    const { parent } = grant;
    if (parent === undefined) continue;
    const owing = ready.get(parent) ?? [];
    ready.set(parent, owing);
    for (const piece of owed(grant)) (parent.have.has(piece) ? owing : late).push({ piece, parent });
  }
  late.sort((left, right) => left.piece - right.piece);
  let crowded: { readonly owing: readonly Promised[]; readonly wait: number } = { owing: [], wait: 0 };
  for (const [parent, owing] of ready) {
    const wait = owing.length * childrenOf(parent).size;
    if (wait > crowded.wait) crowded = { owing, wait };
  }
  return [...late, ...crowded.owing.slice(crowded.owing.length >> 1)];
}

function canGive(holder: Member, child: Member, piece: number, parent: Member): boolean {
  return holder.have.has(piece) && mayGiveInstead(holder, parent, child);
}

/** Among a random stretch of the members the one with the most to give, if that is more than `inflow` or a whole link. */
function bestHolder(turn: Turn, group: Group, child: Wanting, wanted: readonly Promised[], inflow: number): Member | undefined {
  const compared = randomStretch(turn, group);
  const some = wanted.slice(0, MAX_WANTED);
  let chosen: Candidate | undefined;
  let holders = 0;
  for (const member of compared) {
    if (!member.have.isFull) continue;
    holders += 1;
    if (member.host.isSlow || !mayFeed(turn, member, child)) continue;
    const share = 1 / (1 + childrenOf(member).size);
    if (share < 1 && share <= inflow) continue;
    const given = some.filter(({ piece, parent }) => canGive(member, child, piece, parent)).length;
    const candidate = { member, score: -share * MAX_WANTED - given };
    if (given > 0 && (chosen === undefined || isBetter(candidate, chosen, child))) chosen = candidate;
  }
  return PEERS_A_HOLDER * holders >= compared.length - holders ? chosen?.member : undefined;
}

// A tree multiplies what few holders can send: only where there are many of them it is left.
const PEERS_A_HOLDER = 2;

// The first of them tell as much as all.
const MAX_WANTED = 64;
