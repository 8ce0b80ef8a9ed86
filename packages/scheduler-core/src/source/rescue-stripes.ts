import type { Group } from "../books/group.ts";
import type { Member } from "../books/member.ts";
import type { Turn } from "../turn.ts";
import { chooseReader, readsWhole } from "./choose-reader.ts";
import { giveStripe, giveStripes, stripeFor } from "./source-frontier.ts";

/**
 * Stripes that came to nothing go to somebody else at once, for the rest that is still cold.
 *
 *     reader(failed) = the first to be chosen besides the one that failed, else that one itself; all its stripes, in their order
 *
 * One heir for all of them: a host for each (twenty of them, where stripes of a large blob were dealt ahead) would share the source's link,
 * and what everybody waits for would come as late as what is dealt for later.
 */
export function rescueStripes(turn: Turn, group: Group): void {
  for (const [failed, pieces] of lostPieces(turn, group)) {
    const reader = chooseReader(turn, group, Number.MAX_SAFE_INTEGER, [], failed) ?? chooseReader(turn, group, Number.MAX_SAFE_INTEGER);
    if (reader === undefined) return;
    if (readsWhole(turn, reader)) {
      giveStripe(turn, group, reader);
      return;
    }
    const readers = new Set([reader, ...[...group.stripes].map(({ child }) => child)]);
    giveStripes(turn, group, reader, stripesOf(pieces, stripeFor(turn, group, reader, group.coldPieces)), readers.size);
  }
}

function lostPieces(turn: Turn, group: Group): Map<Member, number[]> {
  const lost = new Map<Member, number[]>();
  for (const [piece, failed] of turn.rescue) {
    if (!group.isCold(piece)) continue;
    const pieces = lost.get(failed);
    if (pieces === undefined) lost.set(failed, [piece]);
    else pieces.push(piece);
  }
  return lost;
}

/** Pieces as stripes without a gap, of at most so many pieces, in the order of their first. */
function stripesOf(pieces: readonly number[], most: number): number[][] {
  const stripes: number[][] = [];
  for (const piece of pieces.toSorted((left, right) => left - right)) {
    const last = stripes.at(-1);
    if (last !== undefined && last.length < most && last.at(-1) === piece - 1) last.push(piece);
    else stripes.push([piece]);
  }
  return stripes;
}
