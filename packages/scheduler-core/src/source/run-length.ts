import type { SchedulerLimits } from "../limits.ts";

/** Parts per peer that waits for the same pieces: what one peer gets alone delays its own part only. */
const PARTS_PER_PEER = 4;
/** From eight peers on a run is at most 1/32 of what is left: all but the last stripe's share is done when the frontier ends. */
const MAX_PEERS_COUNTED = 8;
/** A short blob's stripes are no single pieces: half the requests, and no later end (simulator: 4 MiB to 8 hosts 1.55 × the bound instead of 1.69). */
const MIN_STRIPE_PIECES = 2;
/** Where connections are slow a stripe lasts no longer, for what is dealt to one connection the others do not read meanwhile. */
const MOST_STRIPE_MS = 1_500;
/** A stripe of a slow registry lasts this many times its first byte: one fifth of the time is lost where nothing overlaps. */
const FIRST_BYTES_PER_STRIPE = 4;

/** The pieces of one run, before the bound by what is left: max(1 MiB, 0.3 s × rate), and not under four pieces. */
function wantedPieces(limits: SchedulerLimits, pieceBytes: number, bytesPerSecond: number): number {
  const bytes = Math.max(limits.minRunBytes, Math.floor((bytesPerSecond * limits.runMs) / 1000));
  return Math.ceil(bytes / pieceBytes);
}

/** A part of what is left, in pieces: left / (4 × min(8, waiting peers)). */
function partOf(left: number, waiting: number): number {
  return Math.floor(left / (PARTS_PER_PEER * Math.min(MAX_PEERS_COUNTED, Math.max(1, waiting))));
}

/** What the length of a stripe depends on. */
export type StripeConditions = {
  /** Pieces nobody holds or reads yet. */
  readonly left: number;
  /** Peers that wait for them. */
  readonly waiting: number;
  /** Stripes that are read at once: hosts that may read, times the connections of each. */
  readonly readers: number;
  /** The measured source rate of one connection of the reader, bytes per second; 0 while unknown. */
  readonly sourceRate: number;
  /** What one connection to the registry usually brings, whoever has it, bytes per second; 0 while unknown. */
  readonly connectionRate: number;
  /** How long the registry usually takes for its first byte; 0 while unknown. */
  readonly firstByteMs: number;
  /** How many more requests the registry may be asked for now; Infinity where it has no limit that is known. */
  readonly requestsLeft: number;
};

/**
 * Length of a stripe, in pieces.
 *
 *     usual = min(left / (4 × min(8, max(waiting peers, stripes at once))), max(1 MiB, 0.3 s × the measured rate of a connection, 4 pieces))
 *     share = left / stripes read at once
 *     max(1, min(1.5 s × what a connection brings, max(usual, min(share, 2 pieces)))) a registry that answers within 0.3 s
 *     max(1, usual, min(share, max(1 MiB, 4 × first byte × rate)))                    a slower one; what a connection brings, else 4 MiB, while the rate is unknown
 *     and not less than left / (half of the requests that the registry may be asked for now)
 *
 * A round trip to a slow registry costs everybody more than an uneven end does: nobody is given more than its share of the rest.
 */
export function stripeLength(limits: SchedulerLimits, pieceBytes: number, conditions: StripeConditions): number {
  const { left, waiting, readers, sourceRate, connectionRate, firstByteMs } = conditions;
  const least = leastFor(conditions);
  const usual = Math.min(partOf(left, Math.max(waiting, readers)), wantedPieces(limits, pieceBytes, sourceRate));
  const share = Math.floor(left / Math.max(1, readers));
  if (firstByteMs <= limits.runMs)
    return Math.max(least, Math.min(bearablePieces(pieceBytes, connectionRate), Math.max(usual, Math.min(share, MIN_STRIPE_PIECES))));
  const rate = sourceRate > 0 ? sourceRate : connectionRate;
  const perFirstByte = rate > 0 ? Math.floor((rate * firstByteMs) / 1000) : limits.minRunBytes;
  const bytes = Math.max(limits.minRunBytes, FIRST_BYTES_PER_STRIPE * perFirstByte);
  return Math.max(least, usual, Math.min(share, Math.ceil(bytes / pieceBytes)));
}

/** Whole pieces that a connection brings in MOST_STRIPE_MS. */
function bearablePieces(pieceBytes: number, connectionRate: number): number {
  return connectionRate > 0 ? Math.floor((connectionRate * MOST_STRIPE_MS) / 1000 / pieceBytes) : Infinity;
}

/** The other half is for stripes that break, and for other blobs. */
function leastFor({ left, requestsLeft }: StripeConditions): number {
  return Math.max(1, Math.min(left, Math.ceil((2 * left) / Math.max(1, requestsLeft))));
}

/**
 * Length of a run that one peer takes from a holder to give it to the others, in pieces.
 *
 *     max(1, min(left / (4 × min(8, waiting peers)), max(1 MiB, 0.3 s × the host's measured rate, 4 pieces)))
 */
export function unitLength(limits: SchedulerLimits, pieceBytes: number, peerRate: number, left: number, waiting: number): number {
  return Math.max(1, Math.min(partOf(left, waiting), wantedPieces(limits, pieceBytes, peerRate)));
}
