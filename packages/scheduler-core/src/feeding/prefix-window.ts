import type { Group } from "../books/group.ts";
import type { Member, Wanting } from "../books/member.ts";
import type { Turn } from "../turn.ts";

/**
 * How many more pieces that are ready at their parents a peer may be promised.
 *
 *     window = max(4, max(16 MiB, 1 s × measured rate) / piece length)      usually
 *              4                                                          while pieces spread to it, and the link bears more than these
 *              0                                                          while pieces spread to it, else
 *     bears more ⇔ measured rate from peers > 5/4 × what the readers read of the source together
 *
 * While pieces spread to it they come at the rate of the link anyway: who takes more of the rest besides gets nothing sooner, and delays those
 * who came before it. What a reader waits for is promised besides, in small (`needed-share.ts`).
 */
export function windowPieces(turn: Turn, member: Wanting): number {
  const ready = readyPieces(member);
  return sizeOf(turn, turn.swarm.groupOf(member), member, ready) - ready;
}

/** Whether pieces spread to a peer: it is promised some that its parents do not have yet, or that it reads itself. */
export function isStreamed(turn: Turn, member: Wanting): boolean {
  return isSpreading(turn, turn.swarm.groupOf(member)) && member.peer.promisedCount > readyPieces(member);
}

/** A link's noise: that much more than the source gives is more than its stripes. */
const SPARE_RATE = 5 / 4;

function sizeOf(turn: Turn, group: Group, member: Wanting, ready: number): number {
  if (!isSpreading(turn, group) || member.peer.promisedCount <= ready) return usualWindow(turn, member);
  return member.host.fromPeers.bytesPerSecond > SPARE_RATE * sourceRate(group) ? turn.limits.minRunPieces : 0;
}

/** The window of a peer while nothing spreads. */
export function usualWindow({ limits, swarm }: Turn, { host }: Wanting): number {
  const bytes = Math.max(limits.windowBytes, Math.floor((host.fromPeers.bytesPerSecond * limits.windowMs) / 1000));
  return Math.max(limits.minRunPieces, Math.floor(bytes / swarm.pieceBytes));
}

function sourceRate(group: Group): number {
  let rate = 0;
  for (const reader of new Set([...group.stripes].map(({ child }) => child))) rate += reader.host.fromSource.bytesPerSecond;
  return rate > 0 ? rate : Infinity;
}

/** How many pieces a peer was promised that are ready at their parents. */
export function readyPieces(member: Wanting): number {
  let ready = 0;
  for (const { parent, left, run } of member.peer.grants.values()) {
    if (parent === undefined) continue;
    if (parent.have.isFull) ready += left;
    else for (let index = 0; index < run.count; index++) ready += isReady(member, run.first + index * run.stride, parent) ? 1 : 0;
  }
  return ready;
}

function isReady(child: Wanting, piece: number, parent: Member): boolean {
  return child.peer.promised[piece]?.parent === parent && parent.have.has(piece);
}

/** Longer than a report of a peer waits. */
const SPREADING_MS = 10_000;

/** Whether pieces spread down the trees: the source is read, or what was read last is still on its way to more peers than have it. */
export function isSpreading({ now }: Turn, group: Group): boolean {
  if (group.stripes.size > 0) return true;
  const last = group.lineLog.at(-1);
  if (last === undefined || now - group.learntAt > SPREADING_MS) return false;
  return (group.promised[last] ?? 0) > (group.held[last] ?? 0);
}
