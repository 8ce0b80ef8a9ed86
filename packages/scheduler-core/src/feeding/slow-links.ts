import { owed } from "../books/grant-book.ts";
import type { Group } from "../books/group.ts";
import { isWanting, type Member, type Wanting } from "../books/member.ts";
import type { Turn } from "../turn.ts";

/** Pieces a peer reports at once (`reportPieces`, `reportParts` of peer-core): what it was sent meanwhile is not seen. */
const REPORTED_AT_ONCE = 16;
const REPORT_PARTS = 16;
/** What was ready for the other end that long ago is there by now, but for what it did not report yet (half of a report), what was just being sent, or waits for its line of the table. */
const OVERDUE_PIECES = 12;
/** Among fewer that says nothing. */
const LEAST_PEERS = 4;

/**
 * Hosts whose links are slow against what their places in the trees need become leaves, for `slowMs` also in other swarms.
 *
 *     looked at  whenever the members received max(16, pieces / 16) pieces each, on average: everybody reported once
 *     usual      = what a quarter of the peers received at least; what came before the last look counts half, before that a quarter, …;
 *                  not less than 7/8 of the rate that was usual at the last look: where a slow host starves everybody, all are slow
 *     overdue    = what was ready on a link at the last look and did not come since, by the word of who was to get it
 *     slow down ⇔ received < usual / 2, also with one more report, and each link it is fed by has 12 pieces or more overdue
 *     slow up   ⇔ sent < children × (usual / trees) / 2, and each link to a child that is not slow has 12 pieces or more overdue
 *
 * Between zones there may be a thin link that is nobody's own: who takes or gives across it is not judged.
 * Where all links are equally slow nobody is below the half. What a slow host had ready goes to its children from above it.
 */
export function demoteSlow(turn: Turn, group: Group): void {
  const report = Math.max(REPORTED_AT_ONCE, Math.floor(group.pieces / REPORT_PARTS));
  if (group.flowed < report * group.members.size) return;
  const measured = group.list().filter(({ flow }) => flow.isMeasured);
  const peers = measured.filter(isWanting);
  if (peers.length >= LEAST_PEERS) {
    const usual = usualOf(turn, group, upperQuartile(peers.map(({ flow }) => flow.received)));
    for (const peer of peers)
      if (Math.max(2 * peer.flow.received, peer.flow.received + report) < usual) judge(turn, group, peer, linksTo(peer));
    for (const member of measured) {
      const links = linksFrom(group, member);
      const isLow = 2 * group.trees.trees.length * member.flow.sent < links.length * usual;
      if (isLow) judge(turn, group, member, links);
    }
  }
  group.flowed = 0;
  group.flowMs = Math.floor(spanOf(turn, group) / 2);
  group.flowSince = turn.now;
  for (const { flow } of group.members) {
    flow.isMeasured = true;
    flow.isHeard = false;
    flow.received >>= 1;
    flow.sent >>= 1;
  }
}

/** What would be usual in this span at the highest rate there was; each look forgets an eighth of it. */
function usualOf(turn: Turn, group: Group, received: number): number {
  const span = Math.max(1, spanOf(turn, group));
  group.usualRate = Math.max(received / span, (group.usualRate * 7) / 8);
  return group.usualRate * span;
}

function spanOf({ now }: Turn, { flowMs, flowSince }: Group): number {
  return flowMs + (now - (flowSince ?? now));
}

/** One way from a parent to a child. */
type Link = { readonly parent: Member; readonly child: Wanting };

function linksTo(child: Wanting): readonly Link[] {
  const parents = new Set<Member>();
  for (const { parent } of child.peer.grants.values())
    if (parent !== undefined && parent.host.zone !== child.host.zone) return [];
    else if (parent !== undefined && !parent.host.isSlow) parents.add(parent);
  return [...parents].map((parent) => ({ parent, child }));
}

function linksFrom({ trees }: Group, parent: Member): readonly Link[] {
  const children = new Set<Wanting>();
  for (const { child } of parent.feeding)
    if (child.host.zone !== parent.host.zone) return [];
    else if (isWanting(child) && !child.host.isSlow && trees.trees.some((tree) => tree.parentOf(child) === parent)) children.add(child);
  return [...children].map((child) => ({ parent, child }));
}

/** A member that is below the half is slow where every link says so; what is ready now is looked at the next time. */
function judge(turn: Turn, group: Group, member: Member, links: readonly Link[]): void {
  if (member.host.isSlow || links.length === 0) return;
  let late = 0;
  for (const { parent, child } of links) {
    const ready = readyOn(parent, child);
    child.flow.ready ??= new Map();
    const before = child.flow.ready.get(parent);
    child.flow.ready.set(parent, ready);
    // A child that said nothing since may have it all: only where it is the one in question that counts against it.
    late +=
      (child === member || child.flow.isHeard) &&
      before !== undefined &&
      before.filter((piece) => ready.includes(piece)).length >= OVERDUE_PIECES
        ? 1
        : 0;
  }
  if (late < links.length) return;
  member.host.isSlow = true;
  member.host.slowUntil = turn.now + turn.limits.slowMs;
  group.trees.makeLeaf(member);
}

/** Pieces that a parent holds and owes to a child. */
function readyOn(parent: Member, child: Wanting): readonly number[] {
  const ready: number[] = [];
  for (const grant of child.peer.grants.values())
    if (grant.parent === parent) ready.push(...owed(grant).filter((piece) => parent.have.has(piece)));
  return ready.slice(0, MAX_READY);
}

// More are not needed to tell.
const MAX_READY = 64;

function upperQuartile(numbers: readonly number[]): number {
  return numbers.toSorted((left, right) => right - left)[numbers.length >> 2] ?? 0;
}
