import type { Wanting } from "../books/member.ts";
import type { Turn } from "../turn.ts";
import { isStreamed } from "./prefix-window.ts";

/** While pieces spread a prefix grows by a piece in this time besides: clients that see no byte for five minutes give up. */
const NEEDED_EVERY_MS = 120_000;

/**
 * Whether a peer may be given a piece that others hold because its reader waits for it.
 *
 *     yes ⇔ nothing spreads to it, or it was given none yet, or the last one NEEDED_EVERY_MS ago
 *
 * While pieces spread every host sends a whole link to those below it in the trees. What one takes besides, because it came late and its
 * reader begins at the front, slows down everybody below who gives it: with one for each sixteen that spread (a thousand hosts within 30 s)
 * every link was a tenth empty, and who came first ended last.
 */
export function mayTakeNeeded(turn: Turn, member: Wanting): boolean {
  return turn.now >= member.peer.neededFrom || !isStreamed(turn, member);
}

/** It was given one. */
export function noteNeededGiven(turn: Turn, member: Wanting): void {
  if (isStreamed(turn, member)) member.peer.neededFrom = turn.now + NEEDED_EVERY_MS;
}
