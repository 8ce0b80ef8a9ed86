import { chooseReader, mayRead, nobodyWaits, readsWhole } from "../source/choose-reader.ts";
import { blameParent } from "../books/avoided-parents.ts";
import { endGrant, restFromSource } from "../happenings/failed-grant.ts";
import { owed, owesOneOf } from "../books/grant-book.ts";
import type { Group } from "../books/group.ts";
import { hedge, otherHolder } from "./hedge-piece.ts";
import type { Grant, Wanting } from "../books/member.ts";
import { sharedPieceMs } from "../source/shared-registry.ts";
import { pieceMsOf } from "../connections/registry-connections.ts";
import { selectParent } from "./select-parent.ts";
import { treeShape } from "./tree-shape.ts";
import type { Turn } from "../turn.ts";

/**
 * Takes back grants of a peer that should have brought something long ago, where somebody else can bring it.
 *
 *     late ⇔ its giver could send for lateMs + a piece at the slowest useful rate, and no piece came;
 *            for unprovenLateMs + that piece where it gave nobody any of this blob yet, and the peer reported others after that time:
 *            pieces wait for their report, sixteen together, and those come far apart where the link is slow, or shared with other blobs;
 *            a source read without its first byte: not before 2 × the registry's first byte; one for preheats alone: six times as long
 *            a parent that delivers to others in that time is busy, not late, until six times as long
 */
export function endLateGrants(turn: Turn, group: Group, member: Wanting): void {
  const { limits, now, swarm } = turn;
  const pieceMs = Math.ceil((swarm.pieceBytes * 1000) / limits.slowestBytesPerSecond);
  for (const grant of [...member.peer.grants.values()]) {
    const { parent } = grant;
    const waited = waitedFor(turn, grant);
    const isUnproven = parent !== undefined && !swarm.gave.has(parent.host.id);
    const isEmpty = isUnproven && waited - unsaidMs(turn, member) > limits.unprovenLateMs + pieceMs;
    const patience = (isEmpty ? limits.unprovenLateMs : limits.lateMs) + pieceMs;
    if (waited <= Math.max(patience, FIRST_BYTES_WAITED * (firstByteAwaited(turn, grant) ?? 0))) continue;
    if (parent === undefined) {
      if (waited <= BUSY_FACTOR * patience && nobodyWaits(group)) continue;
      if (chooseReader(turn, group, Number.MAX_SAFE_INTEGER, [], member) === undefined) continue;
      restFromSource(turn, member, 0);
    } else {
      const busy = now - parent.host.deliveredAt <= patience && waited <= BUSY_FACTOR * patience;
      if (busy || !hasOtherWay(turn, group, member, grant)) continue;
      blameParent(turn, member, parent);
    }
    endGrant(turn, grant, true);
  }
}

/** A minute and more: who delivers to others for so long without coming to this one never will, and a preheat waits as long. */
const BUSY_FACTOR = 6;
// Twice the usual is a reader in trouble, not a busy registry.
const FIRST_BYTES_WAITED = 2;

/** For how long a peer did not say what came; the first piece of all is said at once. */
function unsaidMs({ now }: Turn, { have, peer }: Wanting): number {
  return have.count === 0 ? 0 : now - peer.reportedAt;
}

/** How long a grant has been able to bring something without doing so; looks and remembers since when. */
function waitedFor(turn: Turn, grant: Grant): number {
  const { parent } = grant;
  const ready = parent === undefined || owesOneOf(grant, parent.have);
  if (!ready) grant.readySince = undefined;
  else grant.readySince ??= parent === undefined ? grant.progressAt : turn.now;
  if (grant.readySince === undefined) return 0;
  const begunAt = parent === undefined ? (grant.child.peer?.sourceProgressAt ?? 0) : 0;
  return turn.now - Math.max(grant.readySince, grant.progressAt, begunAt);
}

function hasOtherWay(turn: Turn, group: Group, member: Wanting, grant: Grant): boolean {
  const [first] = owed(grant);
  if (first === undefined) return false;
  if (selectParent(turn, group, member, first, treeShape(turn, group, "holder"), grant.parent) !== undefined) return true;
  return chooseReader(turn, group, Number.MAX_SAFE_INTEGER, [], member) !== undefined || mayRead(turn, member);
}

/**
 * Asks a second time, once, for a piece that a reader waits for and whose grant is late; the first asking goes on.
 *
 *     due ⇔ its giver could send for max(hedgeMs, 4 × the time of a piece) and no piece came;
 *            a source read: max(hedgeMs, 4 × what a piece waits for other blobs, 2 × the registry's first byte where it waits for it, 2 × a piece on one connection, or the first of
 *            all where there was one only), and not before the first byte is known
 *     from another holder, else from the source: at most max(1, 1 %) of the pieces of a blob, and nothing for a preheat, nor (six times as long)
 *     where its parent is busy with other blobs
 */
export function hedgeNeeded(turn: Turn, group: Group, member: Wanting): void {
  for (const piece of member.peer.needs) {
    const grant = member.peer.promised[piece];
    if (grant === undefined || member.peer.hedged.has(piece) || waitedFor(turn, grant) < hedgePatience(turn, grant)) continue;
    const other = otherHolder(turn, group, member, piece);
    if (other !== undefined) {
      hedge(turn, member, other, piece);
      continue;
    }
    hedgeFromSource(turn, group, member, piece);
  }
}

/** Pieces a link is given for one that a reader waits for: others may be before it. */
const PIECES_WAITED = 4;

/** A registry that let nobody have a byte yet is slow to all: asking it again brings nothing sooner. */
function hedgePatience(turn: Turn, grant: Grant): number {
  const { limits, swarm, memory } = turn;
  if (grant.parent === undefined) {
    const firstByteMs = firstByteAwaited({ memory }, grant);
    const { connections, unsettledMs } = memory.registries.of(grant.child.registry);
    const pieceMs = Math.max(unsettledMs ?? 0, pieceMsOf(connections, swarm.pieceBytes));
    if (firstByteMs === undefined) return Number.MAX_SAFE_INTEGER;
    const sharedMs = PIECES_WAITED * sharedPieceMs(turn, grant.child);
    return Math.max(limits.hedgeMs, sharedMs, FIRST_BYTES_WAITED * Math.max(firstByteMs, pieceMs));
  }
  const rate = Math.max(limits.slowestBytesPerSecond, grant.child.host.fromPeers.bytesPerSecond);
  return Math.max(limits.hedgeMs, PIECES_WAITED * Math.ceil((swarm.pieceBytes * 1000) / rate));
}

/** What the first byte this grant waits for usually takes: 0 where it waits for none, undefined where nobody knows. */
function firstByteAwaited({ memory }: Pick<Turn, "memory">, grant: Grant): number | undefined {
  if (grant.parent !== undefined || grant.left < grant.promised) return 0;
  return memory.registries.of(grant.child.registry).firstByteMs;
}

/** Whether a parent sends pieces of other blobs meanwhile: they take turns, and what it has ready comes. */
function isBusyElsewhere(turn: Turn, grant: Grant): boolean {
  const { parent } = grant;
  if (parent === undefined) return false;
  let owedHere = 0;
  for (const { left } of parent.feeding) owedHere += left;
  if (parent.host.backlogBytes <= owedHere * turn.swarm.pieceBytes) return false;
  const patience = hedgePatience(turn, grant);
  return turn.now - parent.host.deliveredAt <= patience && waitedFor(turn, grant) <= BUSY_FACTOR * patience;
}

function hedgeFromSource(turn: Turn, group: Group, member: Wanting, piece: number): void {
  const { swarm } = turn;
  if (member.peer.priority === "preheat") return;
  if (swarm.hedgedSourcePieces >= Math.max(1, Math.floor(swarm.pieces / 100))) return;
  const current = member.peer.promised[piece];
  if (current !== undefined && isBusyElsewhere(turn, current)) return;
  const own = current?.parent !== undefined && mayRead(turn, member) ? member : undefined;
  const reader = own ?? chooseReader(turn, group, Number.MAX_SAFE_INTEGER, [], member);
  if (reader === undefined || readsWhole(turn, reader) || reader.have.has(piece)) return;
  swarm.hedgedSourcePieces += 1;
  hedge(turn, reader, undefined, piece);
  if (reader !== member) hedge(turn, member, reader, piece);
}
