import type { SchedulerLimits } from "../limits.ts";

/** How many parts of what is left one run may be: all but the last stripe's share is done when the frontier ends. */
const PARTS_FROM_SOURCE = 32;
/** Parts per peer that waits for the same pieces: what one peer gets alone delays its own part only. */
const PARTS_PER_PEER = 4;
const MAX_PEERS_COUNTED = PARTS_FROM_SOURCE / PARTS_PER_PEER;

/** The pieces of one run, before the bound by what is left: max(1 MiB, 0.3 s × rate), and not under four pieces. */
function wantedPieces(limits: SchedulerLimits, pieceBytes: number, bytesPerSecond: number): number {
  const bytes = Math.max(limits.minRunBytes, Math.floor((bytesPerSecond * limits.runMs) / 1000));
  return Math.max(limits.minRunPieces, Math.ceil(bytes / pieceBytes));
}

/**
 * Length of a stripe, in pieces.
 *
 *     max(1, min(left / 32, max(1 MiB, 0.3 s × the host's measured source rate, 4 pieces)))
 */
export function stripeLength(limits: SchedulerLimits, pieceBytes: number, sourceRate: number, left: number): number {
  return Math.max(1, Math.min(Math.floor(left / PARTS_FROM_SOURCE), wantedPieces(limits, pieceBytes, sourceRate)));
}

/**
 * Length of a run that one peer takes from a holder to give it to the others, in pieces.
 *
 *     max(1, min(left / (4 × min(8, waiting peers)), max(1 MiB, 0.3 s × the host's measured rate, 4 pieces)))
 */
export function unitLength(limits: SchedulerLimits, pieceBytes: number, peerRate: number, left: number, waiting: number): number {
  const parts = PARTS_PER_PEER * Math.min(MAX_PEERS_COUNTED, Math.max(1, waiting));
  return Math.max(1, Math.min(Math.floor(left / parts), wantedPieces(limits, pieceBytes, peerRate)));
}
