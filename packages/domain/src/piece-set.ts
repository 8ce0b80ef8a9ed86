// How many bits of a byte are set: sets come in by the thousand when a host announces what it holds.
const ONES: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0;
  for (let rest = byte; rest > 0; rest >>= 1) ones += rest & 1;
  return ones;
});

/** A set of pieces of one blob: what a peer holds (its *have*), or what it is promised. Grows only up to `size`. */
export class PieceSet {
  readonly size: number;
  readonly #bits: Uint8Array;
  #count = 0;

  constructor(size: number) {
    this.size = size;
    this.#bits = new Uint8Array(Math.ceil(size / 8));
  }

  /** The set of all `size` pieces. */
  static full(size: number): PieceSet {
    const set = new PieceSet(size);
    set.#bits.fill(0xff);
    set.#dropPastEnd();
    set.#count = size;
    return set;
  }

  /** Reads what `toBytes` wrote; bits past `size` and missing bytes count as not held. */
  static fromBytes(size: number, bytes: Uint8Array): PieceSet {
    const set = new PieceSet(size);
    set.#bits.set(bytes.subarray(0, set.#bits.length));
    set.#dropPastEnd();
    for (const byte of set.#bits) set.#count += ONES[byte] ?? 0;
    return set;
  }

  /** How many pieces the set holds. */
  get count(): number {
    return this.#count;
  }

  /** Whether every piece is held. */
  get isFull(): boolean {
    return this.#count === this.size;
  }

  /** Whether a piece is held; false of everything that is no piece of the blob. */
  has(piece: number): boolean {
    return this.#isPiece(piece) && ((this.#bits[piece >> 3] ?? 0) & (1 << (piece & 7))) !== 0;
  }

  /** Adds a piece; says whether it was new. A piece outside the blob is refused. */
  add(piece: number): boolean {
    if (!this.#isPiece(piece) || this.has(piece)) return false;
    this.#bits[piece >> 3] = (this.#bits[piece >> 3] ?? 0) | (1 << (piece & 7));
    this.#count += 1;
    return true;
  }

  /** Takes a piece out; says whether it was there. */
  delete(piece: number): boolean {
    if (!this.has(piece)) return false;
    this.#bits[piece >> 3] = (this.#bits[piece >> 3] ?? 0) & ~(1 << (piece & 7));
    this.#count -= 1;
    return true;
  }

  /** The first piece at or after `from` that is not held; `size` where there is none. */
  firstMissing(from = 0): number {
    let piece = Math.max(0, from);
    while (piece < this.size) {
      if ((piece & 7) === 0 && this.#bits[piece >> 3] === 0xff) piece += 8;
      else if (this.has(piece)) piece += 1;
      else return piece;
    }
    return this.size;
  }

  /** The pieces held, ascending. */
  *[Symbol.iterator](): Generator<number> {
    for (let piece = 0; piece < this.size; piece++) if (this.has(piece)) yield piece;
  }

  /** The same pieces in a set of its own. */
  clone(): PieceSet {
    return PieceSet.fromBytes(this.size, this.#bits);
  }

  /** The set as bits, least significant first, `ceil(size / 8)` bytes; a copy. */
  toBytes(): Uint8Array {
    return this.#bits.slice();
  }

  // The last byte has room for up to seven pieces that the blob does not have.
  #dropPastEnd(): void {
    if ((this.size & 7) !== 0) this.#bits[this.size >> 3] = (this.#bits[this.size >> 3] ?? 0) & (0xff >> (8 - (this.size & 7)));
  }

  // Piece numbers come from other hosts; a fraction or a number past 2^31 would meet some other piece's bit.
  #isPiece(piece: number): boolean {
    return Number.isInteger(piece) && piece >= 0 && piece < this.size;
  }
}
