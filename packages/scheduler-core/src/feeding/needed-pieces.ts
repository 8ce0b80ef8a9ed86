import { chooseReader, mayRead } from "../source/choose-reader.ts";
import { give, withdraw } from "../books/grant-book.ts";
import type { Group } from "../books/group.ts";
import { otherHolder } from "./hedge-piece.ts";
import { isWanting, lacks, type Member, type Wanting } from "../books/member.ts";
import { mayTakeNeeded, noteNeededGiven } from "./needed-share.ts";
import { sendLines } from "../books/piece-lines.ts";
import { selectParent } from "./select-parent.ts";
import { takesTurn } from "../source/blob-turns.ts";
import { giveStripe } from "../source/source-frontier.ts";
import { isStreamed } from "./prefix-window.ts";
import { mayGiveInstead } from "./thin-links.ts";
import { treeShape } from "./tree-shape.ts";
import type { Turn } from "../turn.ts";

/**
 * Notes what a reader waits for; the latest word of a peer comes first, what it holds is forgotten.
 * Who says it again may wait for the line: without it no piece can be told right from wrong.
 */
export function noteNeeds(turn: Turn, group: Group, member: Wanting, pieces: readonly number[]): void {
  const again = pieces.filter((piece) => member.peer.needs.includes(piece) && member.peer.promised[piece] !== undefined);
  sendLines(
    turn,
    member,
    again.flatMap((piece) => group.lineOf(piece) ?? []),
  );
  const needs = new Set([...pieces, ...member.peer.needs]);
  member.peer.needs = [...needs].filter((piece) => !member.have.has(piece)).slice(0, turn.limits.maxNeedsPerPeer);
  noteNeedy(group, member);
}

/** Forgets needs that came true. */
export function tidyNeeds(group: Group, member: Member): void {
  const { peer } = member;
  if (peer === undefined || peer.needs.length === 0) return;
  peer.needs = isWanting(member) ? peer.needs.filter((piece) => !member.have.has(piece)) : [];
  noteNeedy(group, member);
}

function noteNeedy(group: Group, member: Member): void {
  if ((member.peer?.needs.length ?? 0) > 0) group.needy.add(member);
  else group.needy.delete(member);
}

/**
 * What a reader waits for comes before everything else.
 *
 *     held or promised to somebody                       → from the best of them, now; while pieces spread to it in small
 *     promised by who does not have it yet, held by half → from one of those instead, where that crosses no thin link
 *     cold, and not what the frontier comes to next      → a stripe that begins there, by this peer if it may read, else by another; where the blob
 *                                                          waits for its turn, it begins there then
 *
 * Who waits for what is on its way to it down a tree, or for the frontier as everybody does, gains nothing by a place of its own.
 */
export function takeNeeded(turn: Turn, group: Group, member: Wanting): void {
  let hasTurn: boolean | undefined;
  for (const piece of member.peer.needs) {
    if (!lacks(member, piece)) {
      takeFromHolder(turn, group, member, piece);
      continue;
    }
    if (group.isCold(piece)) {
      const next = group.firstCold() ?? piece;
      if (group.stripes.size > 0 && piece < next + turn.limits.maxNeedsPerPeer) continue;
      hasTurn ??= !turn.memory.queue.waiting.has(turn.swarm) && takesTurn(turn, group);
      if (!hasTurn) continue;
      const reader = mayRead(turn, member) ? member : chooseReader(turn, group, Number.MAX_SAFE_INTEGER);
      if (reader !== undefined) giveStripe(turn, group, reader, piece);
      continue;
    }
    if (!mayTakeNeeded(turn, member)) continue;
    const parent = selectParent(turn, group, member, piece, treeShape(turn, group, "holder"));
    if (parent === undefined) continue;
    give(turn, { child: member, parent, pieces: [piece], alone: isStreamed(turn, member) });
    noteNeededGiven(turn, member);
  }
}

function takeFromHolder(turn: Turn, group: Group, member: Wanting, piece: number): void {
  const grant = member.peer.promised[piece];
  if (grant?.parent === undefined || grant.parent.have.has(piece) || 2 * (group.held[piece] ?? 0) < group.members.size) return;
  if (!mayTakeNeeded(turn, member)) return;
  const parent = otherHolder(turn, group, member, piece);
  if (parent === undefined || !mayGiveInstead(parent, grant.parent, member)) return;
  withdraw(turn, grant, [piece]);
  give(turn, { child: member, parent, pieces: [piece] });
  noteNeededGiven(turn, member);
}
