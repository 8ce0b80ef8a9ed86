import { pieceLength } from "@darner/domain";
import type { Millis } from "../limits.ts";
import type { PeerState } from "../peer-state.ts";

/**
 * How long the first piece of a peer may be on its way before it is asked for, where that is longer than for others.
 *
 *     min(firstPieceMs, 25 × the time of a piece at 100 Mbit/s): two piece times for each of twelve steps down a tree, and its own
 *     0 once the peer holds any piece
 *
 * In a swarm of ten thousand the first piece of 4 MiB is with half of them after seven seconds: if all ask for it every two seconds
 * meanwhile, and are answered, nobody has it sooner.
 */
export function firstPieceWait({ pieces, task, limits }: PeerState): Millis {
  if (pieces.have.count > 0) return 0;
  return Math.min(limits.firstPieceMs, Math.ceil((PIECE_TIMES * pieceLength(task.size)) / USUAL_BYTES_PER_MS));
}

const PIECE_TIMES = 25;
// 100 Mbit/s: a faster swarm asks later than it might, which costs no more than the bound.
const USUAL_BYTES_PER_MS = 12_500;
