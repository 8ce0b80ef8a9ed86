import { type HostId, type PieceHash, PIECE_HASH_BYTES, PieceSet, PieceTable } from "@darner/domain";
import type { Millis } from "../limits.ts";

/** A piece that a parent sent and whose line of the table is not known yet. */
export type PendingPiece = { readonly hash: Uint8Array; readonly from: HostId; grant: number | undefined; readonly at: Millis };

/** What is known of the pieces of the blob. Every collection here has at most one entry a piece. */
export class PieceBook {
  readonly count: number;
  /** The pieces held: verified, claimed in the store. */
  readonly have: PieceSet;
  /** What was held when the peer began. */
  readonly given: PieceSet;
  /** The table as the scheduler told it. */
  told: PieceTable;
  /** Lines that this host read from the source itself. */
  readonly own: Map<number, Uint8Array> = new Map();
  /** Landed, on disk, not decided; oldest first. */
  readonly pending: Map<number, PendingPiece> = new Map();
  /** Pieces that landed and whose line never came: no parent is asked for them before it does. */
  readonly lineless: Set<number> = new Set();
  /** Pieces whose last source read contradicted the table, with the hash it had. */
  readonly contradicted: Map<number, Uint8Array> = new Map();

  constructor(count: number, given: Iterable<number>) {
    this.count = count;
    this.have = new PieceSet(count);
    for (const piece of given) this.have.add(piece);
    this.given = this.have.clone();
    this.told = new PieceTable(count);
  }

  /** Whether the piece is neither held nor landed. */
  isMissing(piece: number): boolean {
    return !this.have.has(piece) && !this.pending.has(piece);
  }

  /** Whether a number names a piece of this blob. */
  isPiece(piece: number): boolean {
    return Number.isInteger(piece) && piece >= 0 && piece < this.count;
  }

  /** Forgets the table as the scheduler told it. */
  forgetTold(): void {
    this.told = new PieceTable(this.count);
  }

  /** Whether everything held was read from the source by this host. */
  get isAllOwn(): boolean {
    return this.own.size === this.have.count;
  }

  /** The lines read from the source by this host. */
  ownLines(): PieceHash[] {
    return [...this.own].map(([piece, hash]) => ({ piece, hash }));
  }
}

/** Whether these bytes can be a hash at all. */
export function isPieceHash(hash: Uint8Array): boolean {
  return hash.length === PIECE_HASH_BYTES;
}

/** Whether two hashes are the same bytes. */
export function sameHash(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}
