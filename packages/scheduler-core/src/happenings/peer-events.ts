import type { PieceHash, PieceRun } from "@darner/domain";
import type { SchedulerEvent } from "../event.ts";
import type { Group } from "../books/group.ts";
import type { Host } from "../books/host-table.ts";
import { measure } from "../books/measured-rate.ts";
import { noteFirstArrival } from "../books/line-pace.ts";
import { isWanting, newPeer, type Member } from "../books/member.ts";
import { memberFor, notePiece, replaceHave } from "./membership.ts";
import { demoteSlow } from "../feeding/slow-links.ts";
import { noteNeeds, tidyNeeds } from "../feeding/needed-pieces.ts";
import { learnLines, sendTable } from "../books/piece-lines.ts";
import { uniteGroups } from "./prove-table.ts";
import { notePassedPiece, noteSourcePiece } from "../source/note-source-piece.ts";
import { contradict, hearAlarm, isDoubted } from "./inquiry.ts";
import { adoptReading } from "./moving-hosts.ts";
import { dismissIfIdle, dropGrants, forgetUnlined } from "./restart-peer.ts";
import type { Turn } from "../turn.ts";

/** A host wants a blob, or says again how it wants it: its latest word holds, running grants go on. */
export function openPeer(turn: Turn, host: Host, event: Extract<SchedulerEvent, { type: "peer-opened" }>): void {
  const { swarm } = turn;
  if (event.have.size !== swarm.pieces) return;
  if (isDoubted(turn, host, event.registry)) {
    refusePeer(turn, host);
    return;
  }
  const member = memberFor(turn, host, event.registry);
  if (member === undefined) {
    refusePeer(turn, host);
    return;
  }
  const group = swarm.groupOf(member);
  const { access, sequential, priority } = event;
  if (host.slowUntil <= turn.now) host.isSlow = false;
  if (member.peer === undefined) {
    member.givenBytes = group.leastGivenBytes(turn.limits.maxParentsCompared);
    member.peer = newPeer(swarm.pieces, access, sequential, priority, turn.now);
    sendTable(turn, group, member);
  } else {
    Object.assign(member.peer, { access, sequential, priority });
    // Who has lost pieces has lost the lines with them.
    if ([...member.have].some((piece) => !event.have.has(piece))) sendTable(turn, group, member);
  }
  replaceHave(turn, member, event.have);
  if (isWanting(member)) group.trees.join(member);
  if (event.reading !== undefined) adoptReading(turn, member, event.reading);
  tidyNeeds(group, member);
  group.stirred = true;
}

/** No room for another registry or member: the peer is to help itself. */
export function refusePeer(turn: Turn, host: Host): void {
  turn.effects.push({ type: "tell-standing", host: host.id, task: turn.swarm.task, standing: "starved", retryAfterMs: 0 });
}

/** A host no longer wants a blob: its grants are void, what it holds stays. */
export function closePeer(turn: Turn, member: Member): void {
  const group = turn.swarm.groupOf(member);
  dropGrants(turn, member, false);
  member.peer = undefined;
  group.idle.delete(member);
  group.needy.delete(member);
  group.trees.leave(member);
  group.stirred = true;
  turn.touched.delete(member);
  dismissIfIdle(turn, member);
}

/** A reader waits: noted, and looked after before anything else. */
export function notePiecesNeeded(turn: Turn, member: Member, run: PieceRun): void {
  if (!isWanting(member)) return;
  noteNeeds(turn, turn.swarm.groupOf(member), member, piecesWithin(run, turn.swarm.pieces, turn.limits.maxNeedsPerPeer));
  turn.touched.add(member);
}

/** A host verified pieces: lines first, since pieces whose line contradicts the table do not count, nor does anything else it read. */
export function notePiecesVerified(turn: Turn, member: Member, runs: readonly PieceRun[], hashes: readonly PieceHash[]): void {
  const { swarm } = turn;
  const group = swarm.groupOf(member);
  const contradicting = learnLines(turn, group, member, hashes);
  if (contradicting.length > 0 && !member.proven) {
    contradict(
      turn,
      group,
      member,
      hashes.filter(({ piece }) => contradicting.includes(piece)),
    );
    return;
  }
  for (const run of runs.slice(0, swarm.pieces)) {
    for (const piece of piecesWithin(run, swarm.pieces, swarm.pieces)) noteArrival(turn, group, member, piece);
  }
  tidyNeeds(group, member);
  group.flowSince ??= turn.now;
  group.movedAt = turn.now;
  if (member.peer !== undefined) member.peer.reportedAt = member.peer.assuredAt = turn.now;
  demoteSlow(turn, group);
  turn.touched.add(member);
  uniteGroups(turn);
}

function noteArrival(turn: Turn, group: Group, member: Member, piece: number): void {
  const { now, swarm } = turn;
  const grant = member.peer?.promised[piece];
  if (grant !== undefined) {
    if (grant.parent === undefined && member.peer !== undefined) {
      noteSourcePiece(turn, group, member, grant);
      member.peer.sourceProgressAt = now;
      member.peer.newest = piece;
    } else if (grant.parent !== undefined) notePassedPiece(turn, grant.parent, piece);
    grant.progressAt = now;
    measure(grant.parent === undefined ? member.host.fromSource : member.host.fromPeers, swarm.pieceBytes, now);
    noteFlow(group, member, grant.parent);
    if (grant.parent !== undefined) noteGift(turn, grant.parent);
    else if (member.peer !== undefined) member.peer.sourceFailures = 0;
  }
  if (member.have.count === 0) noteFirstPieceOf(turn, group, member, piece);
  notePiece(turn, member, piece);
}

function noteFirstPieceOf({ now }: Turn, group: Group, member: Member, piece: number): void {
  const tree = group.trees.trees[(group.treeOf[piece] ?? 0) - 1];
  if (tree !== undefined) noteFirstArrival(group.linePace, group.lineLog.indexOf(piece), tree.depthOf(member), now);
}

function noteFlow(group: Group, child: Member, parent: Member | undefined): void {
  group.flowed += 1;
  child.flow.received += 1;
  child.flow.isHeard = true;
  if (parent !== undefined) parent.flow.sent += 1;
}

function noteGift({ swarm, now }: Turn, parent: Member): void {
  parent.host.deliveredAt = now;
  swarm.gave.add(parent.host.id);
  swarm.letDown.delete(parent.host.id);
}

/** A holder told its table: what it said it holds without knowing the line, it does not hold. */
export function noteTable(turn: Turn, member: Member, hashes: readonly PieceHash[]): void {
  const group = turn.swarm.groupOf(member);
  learnLines(turn, group, member, hashes);
  if (!member.proven) forgetUnlined(turn, group, member);
  if (group.asked?.member === member) {
    group.asked = undefined;
    group.askedInVain.add(member);
  }
  uniteGroups(turn);
}

/** All bytes are as the table says and do not have the digest: the table is wrong, or the host is. */
export function noteFailedProof(turn: Turn, member: Member): void {
  const { swarm } = turn;
  hearAlarm(turn, swarm.groupOf(member), member);
  uniteGroups(turn);
}

/** The pieces of a run that the blob has, at most `most`: runs come from outside. */
function piecesWithin({ first, stride, count }: PieceRun, size: number, most: number): number[] {
  const pieces: number[] = [];
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(stride) || first < 0 || stride < 1) return pieces;
  for (let piece = first; piece < size && pieces.length < Math.min(most, count); piece += stride) pieces.push(piece);
  return pieces;
}
