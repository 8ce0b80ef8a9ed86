import { giveStripeOf, readWhole, stripeFor } from "../source/source-frontier.ts";
import { mayRead, readsWhole } from "../source/choose-reader.ts";
import { forgiveParents } from "../books/avoided-parents.ts";
import { followTrees } from "./follow-trees.ts";
import { evenBacklogs } from "./relief/even-backlogs.ts";
import { gatherRest } from "./gather-rest.ts";
import { takeFromFree } from "./relief/free-holders.ts";
import { give } from "../books/grant-book.ts";
import type { Group } from "../books/group.ts";
import { isWanting, lacks, type Member, type Wanting } from "../books/member.ts";
import { leaveCrowdedParents } from "./relief/crowded-parents.ts";
import { leaveSlowParents } from "./relief/leave-slow.ts";
import { takeNeeded } from "./needed-pieces.ts";
import { depthOf } from "./promise-chain.ts";
import { unitLength } from "../source/run-length.ts";
import { selectParent } from "./select-parent.ts";
import { spread } from "./spread-run.ts";
import { windowPieces } from "./prefix-window.ts";
import { MAX_FAN_OUT, treeShape } from "./tree-shape.ts";
import type { Turn } from "../turn.ts";

/** Promises a peer what it can be promised now, in the order of the rules. */
export function feedPeer(turn: Turn, group: Group, member: Member): void {
  if (!isWanting(member) || member.peer.heldBackUntil > turn.now) return;
  feedFromSwarm(turn, group, member);
  if (member.peer.promisedCount === 0) readUnreachable(turn, group, member);
  if (member.peer.promisedCount === 0 && forgiveParents(turn, member)) feedFromSwarm(turn, group, member);
  leaveSlowParents(turn, group, member);
  leaveCrowdedParents(turn, group, member);
  takeFromFree(turn, group, member);
  evenBacklogs(turn, group, member);
}

function feedFromSwarm(turn: Turn, group: Group, member: Wanting): void {
  if (member.peer.needs.length > 0) takeNeeded(turn, group, member);
  // Whatever somebody holds or is promised it has, or is promised.
  if (member.have.count + member.peer.promisedCount >= group.pieces - group.coldPieces) return;
  if (!gatherRest(turn, group, member)) feedFromTrees(turn, group, member);
}

function feedFromTrees(turn: Turn, group: Group, member: Wanting): void {
  followTrees(turn, group, member);
  const unreachable = takeUnits(turn, group, member);
  joinRuns(turn, group, member, unreachable);
}

/**
 * Brings pieces into the swarm that somebody holds and no peer is promised, and lets the others follow.
 *
 *     runs of all peers at a time: 8 × holders, so that each is soon whole and goes on
 *     runs at a time: clamp(8 × holders / waiting peers, 1, maxUnitsPerPeer), one more for each that is half done
 */
function takeUnits(turn: Turn, group: Group, member: Wanting): Set<number> {
  const unreachable = new Set<number>();
  while (windowPieces(turn, member) > 0) {
    const first = rarestFresh(group, member, unreachable);
    if (first === undefined || !mayTakeUnit(turn, group, member, group.held[first] ?? 1)) break;
    const shape = treeShape(turn, group, "holder");
    const parent = selectParent(turn, group, member, first, shape);
    if (parent === undefined) {
      unreachable.add(first);
      continue;
    }
    const waiting = group.waiting(MAX_FAN_OUT);
    const length = unitLength(turn.limits, turn.swarm.pieceBytes, member.host.fromPeers.bytesPerSecond, freshLeft(group, member), waiting);
    const pieces = neighbours(
      first,
      Math.min(length, windowPieces(turn, member)),
      (piece) => isFresh(group, member, piece) && parent.have.has(piece),
    );
    give(turn, { child: member, parent, pieces, unit: true });
    if (waiting > 1) spread(turn, group, member, pieces, MAX_FAN_OUT);
  }
  return unreachable;
}

function mayTakeUnit(turn: Turn, group: Group, member: Wanting, holders: number): boolean {
  const { maxUnitsPerPeer } = turn.limits;
  if (group.units >= MAX_FAN_OUT * holders) return false;
  const allowed = Math.max(1, Math.min(maxUnitsPerPeer, Math.floor((MAX_FAN_OUT * holders) / group.waiting(MAX_FAN_OUT))));
  let all = 0;
  let early = 0;
  for (const grant of member.peer.grants.values()) {
    if (!grant.unit || grant.parent === undefined) continue;
    all += 1;
    if (grant.left > Math.max(1, grant.promised >> 1)) early += 1;
  }
  return early < allowed && all < 2 * allowed;
}

/** Held by somebody, promised to nobody, and not to this peer either. */
function isFresh(group: Group, member: Wanting, piece: number): boolean {
  return group.promised[piece] === 0 && (group.held[piece] ?? 0) > 0 && lacks(member, piece);
}

function freshLeft(group: Group, member: Wanting): number {
  let left = 0;
  for (let piece = 0; piece < group.pieces; piece++) if (isFresh(group, member, piece)) left += 1;
  return left;
}

// Rarest first, but not far from the front: every prefix is to grow.
const FRONT_PARTS = 8;
const MIN_FRONT_PIECES = 16;

/** The piece to begin with: the least held among the first fresh ones, the lowest on a tie. */
function rarestFresh(group: Group, member: Wanting, without: ReadonlySet<number>): number | undefined {
  const front = Math.max(MIN_FRONT_PIECES, Math.floor(group.pieces / FRONT_PARTS));
  let chosen: number | undefined;
  let seen = 0;
  for (let piece = member.have.firstMissing(); piece < group.pieces && seen < front; piece++) {
    if (!isFresh(group, member, piece) || without.has(piece)) continue;
    seen += 1;
    if (chosen === undefined || (group.held[piece] ?? 0) < (group.held[chosen] ?? 0)) chosen = piece;
  }
  return chosen;
}

/** Joins in what is on its way to others already; of what somebody holds no more than the window bears. */
function joinRuns(turn: Turn, group: Group, member: Wanting, unreachable: Set<number>): void {
  const joinable = (piece: number): boolean => lacks(member, piece) && (group.promised[piece] ?? 0) > 0 && !unreachable.has(piece);
  let window = windowPieces(turn, member);
  const longest = Math.max(1, turn.limits.minRunPieces);
  for (let first = member.have.firstMissing(); first < group.pieces; first++) {
    if (!joinable(first)) continue;
    const isHeld = (group.held[first] ?? 0) > 0;
    if (isHeld && window <= 0) continue;
    const parent = selectParent(turn, group, member, first, treeShape(turn, group, isHeld ? "holder" : "stripe"));
    if (parent === undefined) {
      unreachable.add(first);
      continue;
    }
    const most = isHeld ? Math.min(window, longest) : longest;
    const same = (piece: number): boolean =>
      joinable(piece) &&
      (group.held[piece] ?? 0) > 0 === isHeld &&
      parent.have.has(piece) === parent.have.has(first) &&
      depthOf(parent, piece) !== undefined;
    const pieces = neighbours(first, most, same);
    give(turn, { child: member, parent, pieces });
    if (isHeld) window -= pieces.length;
  }
}

/** Nobody this peer may ask has these pieces, though somebody holds them: it reads them from its source. */
function readUnreachable(turn: Turn, group: Group, member: Wanting): void {
  if (!mayRead(turn, member) || member.peer.stripes > 0) return;
  const isUnreachable = (piece: number): boolean => lacks(member, piece) && !group.isCold(piece) && group.readingOf(piece) === undefined;
  const first = member.have.firstMissing();
  if (first >= group.pieces || !isUnreachable(first)) return;
  if (readsWhole(turn, member)) {
    readWhole(turn, group, member);
    return;
  }
  const length = stripeFor(turn, group, member, group.pieces - member.have.count);
  giveStripeOf(turn, group, member, neighbours(first, length, isUnreachable));
}

/** `first` and the pieces after it that fit, at most `most`. */
function neighbours(first: number, most: number, fits: (piece: number) => boolean): number[] {
  const pieces = [first];
  while (pieces.length < most && fits(first + pieces.length)) pieces.push(first + pieces.length);
  return pieces;
}
