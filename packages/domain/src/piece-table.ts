/** Length of a BLAKE3 hash in bytes. */
export const PIECE_HASH_BYTES = 32;

/** One line of a piece table: the BLAKE3 hash (32 bytes) that piece `piece` must have. */
export type PieceHash = { readonly piece: number; readonly hash: Uint8Array };

/** What adding a line to a table showed. */
export type TableVerdict = "new" | "same" | "conflict";

/** The piece table of one blob: which BLAKE3 hash each piece must have. Lines are added, never changed. */
export class PieceTable {
  readonly size: number;
  readonly #hashes: Uint8Array;
  readonly #known: Uint8Array;

  constructor(size: number) {
    this.size = size;
    this.#hashes = new Uint8Array(size * PIECE_HASH_BYTES);
    this.#known = new Uint8Array(size);
  }

  /** Whether the table knows the hash of a piece. */
  has(piece: number): boolean {
    return this.#known[piece] === 1;
  }

  /** The hash of a piece, or undefined where the table does not know it. A view: not to be written to. */
  get(piece: number): Uint8Array | undefined {
    if (!this.has(piece)) return undefined;
    return this.#hashes.subarray(piece * PIECE_HASH_BYTES, (piece + 1) * PIECE_HASH_BYTES);
  }

  /** Whether `hash` is what the table says of `piece`; undefined where the table does not know the piece. */
  matches(piece: number, hash: Uint8Array): boolean | undefined {
    if (!this.has(piece)) return undefined;
    if (hash.length !== PIECE_HASH_BYTES) return false;
    const from = piece * PIECE_HASH_BYTES;
    for (let index = 0; index < PIECE_HASH_BYTES; index++) if (this.#hashes[from + index] !== hash[index]) return false;
    return true;
  }

  /** Adds a line. A line that contradicts a known one is not taken and is a `conflict`; so is one out of bounds. */
  add({ piece, hash }: PieceHash): TableVerdict {
    if (!Number.isInteger(piece) || piece < 0 || piece >= this.size || hash.length !== PIECE_HASH_BYTES) return "conflict";
    const verdict = this.matches(piece, hash);
    if (verdict !== undefined) return verdict ? "same" : "conflict";
    this.#hashes.set(hash, piece * PIECE_HASH_BYTES);
    this.#known[piece] = 1;
    return "new";
  }

  /** Every known line, ascending by piece. */
  *entries(): Generator<PieceHash> {
    for (let piece = 0; piece < this.size; piece++) {
      const hash = this.get(piece);
      if (hash !== undefined) yield { piece, hash };
    }
  }
}
