/** How far a blob is read. */
export type Reading = {
  /** Pieces of the blob. */
  readonly pieces: number;
  /** Pieces nobody holds or reads yet. */
  readonly cold: number;
  /** Pieces that were dealt and are not read yet. */
  readonly owed: number;
  /** A stripe for each connection of each reader. */
  readonly least: number;
  /** Peers that wait for them; more than `MANY_WAITING` need not be counted. */
  readonly waiting: number;
};

/** What was read shows how fast each reader is: three times as much may be dealt by it. */
const TIMES_READ = 3;
/** So little is dealt at once: what could be more even in the end is less than what everybody's messages cost. */
const LAST_PARTS = 16;

/** From so many waiting peers on it is many whom each deal has to be said to. */
export const MANY_WAITING = 512;
/** Of fewer pieces an eighth is no longer a stripe, and the few deals that are saved make the last host later. */
const MANY_PIECES = 64;

/**
 * How many pieces are dealt to the readers ahead of time.
 *
 *     ahead = max(least, min(pieces read so far, half of what is cold))       for few peers, or pieces
 *             max(least, min(3 × pieces read so far, half of what is cold))   from 512 peers and 64 pieces on; all where 1/16 of the blob is cold
 *
 * What is dealt late goes to who reads fastest then, and each deal is a message to every peer: among many it is that which counts. (1,000
 * hosts, 512 MiB: 0.181 messages a piece instead of 0.191, and the last host 1.045 × the bound instead of 1.052.)
 */
export function piecesAhead({ pieces, cold, owed, least, waiting }: Reading): number {
  const read = pieces - cold - owed;
  if (waiting < MANY_WAITING || pieces < MANY_PIECES) return Math.max(least, Math.min(read, cold >> 1));
  return Math.max(least, Math.min(TIMES_READ * read, LAST_PARTS * cold <= pieces ? cold : cold >> 1));
}

/** Parts of what is dealt at once: so far a prefix may be behind what its host holds. */
const DEAL_PARTS = 8;
/** Stripes for each connection: with one each, some would be done long before others. */
const PARTS_PER_CONNECTION = 2;

/**
 * How long a stripe is at least of what is dealt at once, in pieces.
 *
 *     0                for few peers
 *     pieces dealt / max(8, 2 × connections of all readers) from 512 waiting peers on
 *
 * Every stripe is a grant to every peer of the swarm: of four times as many the scheduler, and every peer, would have to keep an account.
 */
export function stripeWithin(dealt: number, waiting: number, connections: number): number {
  return waiting < MANY_WAITING ? 0 : Math.floor(dealt / Math.max(DEAL_PARTS, PARTS_PER_CONNECTION * connections));
}
