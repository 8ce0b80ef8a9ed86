import type { PieceHash } from "@darner/domain";
import type { Group } from "./group.ts";
import { linePause, linesUntil, noteLines } from "./line-pace.ts";
import { isWanting, type Member } from "./member.ts";
import type { Turn } from "../turn.ts";

/** Adds lines a host reported; whoever needs the new ones soon has them now. Gives back the pieces whose line contradicts. */
export function learnLines(turn: Turn, group: Group, from: Member, hashes: readonly PieceHash[]): readonly number[] {
  if (hashes.length === 0) return [];
  const { fresh, contradicting } = group.learn(hashes);
  for (const { piece } of fresh) group.witnesses.set(piece, from);
  if (fresh.length === 0) return contradicting;
  noteLines(group.linePace, fresh.length, group.learntAt, turn.now);
  group.learntAt = turn.now;
  const isEnd = group.tableIsComplete;
  for (const member of group.members) {
    if (!isWanting(member) || !(isEnd || areLinesDue(group, member))) continue;
    // Who told these lines may lack others.
    sendNewLines(turn, group, member, member === from ? new Set(fresh.map(({ piece }) => piece)) : undefined);
  }
  group.linesDueAt = isEnd ? undefined : turn.now + linePause(group.linePace, turn.limits);
  return contradicting;
}

// Trees are numbered 1 and 2.
const BOTH_TREES = 3;

/**
 * Whether a peer has to have the lines it was not sent yet.
 *
 *     due ⇔ for some of them linesUntil(steps of this peer below the root of the tree that carries the piece) lines or more came,
 *           that one included
 *
 * A piece needs some time for each step down its tree, in which other lines come (`line-pace.ts`): where it arrives later, its line may come
 * later, together with others.
 */
function areLinesDue(group: Group, member: Member): boolean {
  const { lineLog, treeOf } = group;
  const { trees } = group.trees;
  const first = linesUntil(group.linePace, trees[0]?.depthOf(member) ?? 0);
  const second = linesUntil(group.linePace, trees[1]?.depthOf(member) ?? 0);
  // The oldest line of each tree is the first to be due: those after it need not be looked at.
  let seen = 0;
  for (let at = member.linesSent; at < lineLog.length && seen < BOTH_TREES; at++) {
    const tree = treeOf[lineLog[at] ?? 0] ?? 0;
    if (lineLog.length - at >= (tree === 1 ? first : tree === 2 ? second : 0)) return true;
    seen |= tree;
  }
  return false;
}

/** No new line came for a while: nobody is to wait for a message to be full. */
export function sendDueLines(turn: Turn, group: Group): void {
  if (group.linesDueAt === undefined || group.linesDueAt > turn.now) return;
  group.linesDueAt = undefined;
  for (const member of group.members) sendNewLines(turn, group, member);
}

/** Sends a peer the lines it was not sent yet, of what it lacks. */
export function sendNewLines(turn: Turn, group: Group, member: Member, known?: ReadonlySet<number>): void {
  if (member.linesSent === group.lineLog.length) return;
  const { lineLog } = group;
  const hashes: PieceHash[] = [];
  for (let at = member.linesSent; at < lineLog.length; at++) {
    const piece = lineLog[at] ?? 0;
    const line = member.have.has(piece) || known?.has(piece) === true ? undefined : group.lineOf(piece);
    if (line !== undefined) hashes.push(line);
  }
  member.linesSent = group.lineLog.length;
  sendLines(turn, member, hashes);
}

/** Sends a peer that begins, or begins again, every line there is. */
export function sendTable(turn: Turn, group: Group, member: Member): void {
  member.linesSent = group.lineLog.length;
  sendLines(turn, member, group.table());
}

/** Sends lines to a peer that still wants pieces. */
export function sendLines(turn: Turn, member: Member, hashes: readonly PieceHash[]): void {
  if (hashes.length === 0 || !isWanting(member)) return;
  turn.effects.push({ type: "send-table", host: member.host.id, task: turn.swarm.task, hashes });
}
