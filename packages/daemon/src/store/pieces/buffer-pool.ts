/**
 * Buffers of one size for pieces in flight, at most `maxBuffers` of them: whoever finds none waits in line.
 * A buffer is on loan from `take` or `next` until `give` or `forget`.
 */
export class BufferPool {
  readonly bufferBytes: number;
  readonly maxBuffers: number;
  readonly #keep: number;
  readonly #free: Uint8Array[] = [];
  // Bounded by the number of piece writers: each waits at most once.
  readonly #waiting: ((buffer: Uint8Array) => void)[] = [];
  #onLoan = 0;

  /** `keep` free buffers stay allocated for the next loan, the rest is left to the garbage collector. */
  constructor(bufferBytes: number, maxBuffers: number, keep: number = maxBuffers) {
    this.bufferBytes = bufferBytes;
    this.maxBuffers = maxBuffers;
    this.#keep = keep;
  }

  /** How many buffers are on loan. */
  get onLoan(): number {
    return this.#onLoan;
  }

  /** A buffer, or undefined where all are on loan. */
  take(): Uint8Array | undefined {
    if (this.#onLoan >= this.maxBuffers) return undefined;
    this.#onLoan += 1;
    return this.#free.pop() ?? this.#allocate();
  }

  /** A buffer as soon as there is one, first come, first served. */
  next(): Promise<Uint8Array> {
    const buffer = this.take();
    if (buffer !== undefined) return Promise.resolve(buffer);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Gives a buffer back that nobody writes to or reads from any more. */
  give(buffer: Uint8Array): void {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) {
      waiter(buffer);
      return;
    }
    this.#onLoan -= 1;
    if (this.#free.length < this.#keep) this.#free.push(buffer);
  }

  /** Ends the loan of a buffer that somebody may still write to: it is not lent again. */
  forget(): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#onLoan -= 1;
    else waiter(this.#allocate());
  }

  #allocate(): Uint8Array {
    return Buffer.allocUnsafeSlow(this.bufferBytes);
  }
}

// 256 KiB: the smallest piece; larger writes gain little, and four of them keep one writer's disk busy.
const PIECE_BUFFER_BYTES = 256 * 1024;
// 64 MiB of pieces in flight in one process (design.md, section 5, rule 7).
const MAX_PIECE_BUFFERS = 256;
// 16 MiB stay allocated between bursts, so that an idle daemon is small.
const KEPT_PIECE_BUFFERS = 64;

/** The buffers of all piece writers of this process; one pool, so that their sum is bounded. */
export const pieceBuffers: BufferPool = new BufferPool(PIECE_BUFFER_BYTES, MAX_PIECE_BUFFERS, KEPT_PIECE_BUFFERS);
