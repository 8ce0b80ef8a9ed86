import type { PieceHash } from "@darner/domain";
import type { Group } from "./group.ts";
import { isWanting, type Member } from "./member.ts";
import type { Turn } from "../turn.ts";

/** Adds lines a host reported; whoever needs the new ones soon has them now. Gives back the pieces whose line contradicts. */
export function learnLines(turn: Turn, group: Group, from: Member, hashes: readonly PieceHash[]): readonly number[] {
  if (hashes.length === 0) return [];
  const { fresh, contradicting } = group.learn(hashes);
  for (const { piece } of fresh) group.witnesses.set(piece, from);
  if (fresh.length === 0) return contradicting;
  const isEnd = group.tableIsComplete;
  for (const member of group.members) {
    if (member === from || !isWanting(member)) continue;
    if (isEnd || group.lineLog.length - member.linesSent >= linesAtOnce(group, member)) sendNewLines(turn, group, member);
  }
  group.linesDueAt = isEnd ? undefined : turn.now + turn.limits.linesMs;
  return contradicting;
}

/**
 * How many lines a peer is sent in one message.
 *
 *     max(1, 2 × (depth − 1))
 *
 * A piece needs at least one piece time for each step from its reader, two in the usual case: where it arrives later, its
 * line may come later, together with others.
 */
function linesAtOnce(group: Group, member: Member): number {
  return Math.max(1, 2 * (group.trees.depthOf(member) - 1));
}

/** No new line came for linesMs: nobody is to wait for a message to be full. */
export function sendDueLines(turn: Turn, group: Group): void {
  if (group.linesDueAt === undefined || group.linesDueAt > turn.now) return;
  group.linesDueAt = undefined;
  for (const member of group.members) sendNewLines(turn, group, member);
}

function sendNewLines(turn: Turn, group: Group, member: Member): void {
  const hashes: PieceHash[] = [];
  for (const piece of group.lineLog.slice(member.linesSent)) {
    const line = member.have.has(piece) ? undefined : group.lineOf(piece);
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
