import { type PieceRun, runsOf } from "@darner/domain";
import type { Millis } from "../limits.ts";
import { firstPieceWait } from "./first-piece.ts";
import { isSilent, patience } from "./outlook.ts";
import { earliest, type PeerState, tell } from "../peer-state.ts";
import { covers } from "../books/piece-runs.ts";
import type { WaitingReader } from "../books/reader-book.ts";

/**
 * Tells the scheduler what readers wait for in vain: needMs after a piece that nobody was asked for began to keep a reader waiting,
 * `patience` after one in flight did, for the first of all perhaps later (`first-piece.ts`); again after `repeatPause`. `expired` are pieces
 * whose line of the table never came.
 */
export function askNeed(peer: PeerState, expired: readonly number[], now: Millis): Millis | undefined {
  if (!peer.session.live || peer.phase !== "fetching") return undefined;
  for (const run of runsOf(expired)) tellNeed(peer, run, now);
  let deadline: Millis | undefined;
  for (const reader of peer.readers.waiting()) {
    const at = needAt(peer, reader);
    if (at !== undefined && at <= now) tellNeed(peer, neededRun(peer, reader, now), now);
    deadline = earliest(deadline, at !== undefined && at <= now ? now + repeatPause(peer, now - reader.waitingSince) : at);
  }
  return deadline;
}

function tellNeed(peer: PeerState, run: PieceRun, now: Millis): void {
  for (let index = 0; index < run.count; index++) peer.needs.set(run.first + index * run.stride, now);
  // Somebody else may be asked for what is late.
  peer.grants.changed = true;
  tell(peer, { type: "need", run });
}

function needAt(peer: PeerState, { next, waitingSince }: WaitingReader): Millis | undefined {
  const { limits, needs, pieces } = peer;
  if (pieces.pending.has(next)) return undefined;
  const first = isAsked(peer, next) ? askedWait(peer, waitingSince) : waitingSince + limits.needMs;
  const told = needs.get(next);
  return told === undefined ? first : Math.max(first, told + repeatPause(peer, told - waitingSince));
}

/** When a piece in flight is asked for: who holds nothing yet, and was told that pieces are on their way, waits from then on. */
function askedWait(peer: PeerState, waitingSince: Millis): Millis {
  const wait = firstPieceWait(peer);
  return wait === 0
    ? waitingSince + patience(peer)
    : Math.max(waitingSince + patience(peer), Math.max(waitingSince, peer.session.assuredAt) + wait);
}

/** clamp(time from when the reader began to wait until the need was told, needAgainMs, needAgainMostMs): each pause is twice the one before. */
function repeatPause({ limits }: PeerState, waitedMs: Millis): Millis {
  return Math.min(limits.needAgainMostMs, Math.max(limits.needAgainMs, waitedMs));
}

/** Whether somebody was asked for the piece, or will be. */
function isAsked({ transfers, grants }: PeerState, piece: number): boolean {
  if (transfers.isInFlight(piece)) return true;
  for (const { run } of grants.all) if (covers(run, piece)) return true;
  return false;
}

/** From the reader's next piece on, as long as the pieces are in the same plight: nobody, or only the silent, are asked for them. */
function neededRun(peer: PeerState, { next, end }: WaitingReader, now: Millis): PieceRun {
  const { pieces, limits, transfers } = peer;
  const isFirstAsked = isAsked(peer, next);
  const isNeeded = (piece: number): boolean => {
    if (!pieces.isMissing(piece) || isAsked(peer, piece) !== isFirstAsked) return false;
    return transfers.carriersOf(piece).every((carrier) => isSilent(peer, carrier, now));
  };
  let count = 1;
  while (count < limits.needPieces && next + count < end && isNeeded(next + count)) count += 1;
  return { first: next, stride: 1, count };
}
