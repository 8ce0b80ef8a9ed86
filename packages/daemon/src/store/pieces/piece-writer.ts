import type { BufferPool } from "./buffer-pool.ts";
import type { PieceWriter } from "../store.ts";
import { storeError } from "../store-error.ts";
import { Blake3 } from "../blake3.ts";

/** Where the bytes of one writer go: the piece's place in the file, or aside (`PiecePlaces`). */
export interface PieceLane {
  /** Writes `buffers` one after the other at `offset` within the piece; one call at a time. */
  write(buffers: readonly Uint8Array[], offset: number): Promise<void>;
  /** All bytes were written and have this hash: resolves when they are at the piece's place. */
  settle(hash: Uint8Array): Promise<void>;
  /** Gives up the place; called once, after the last write ended, unless `settle` was called. */
  leave(): void;
}

/** What a piece writer works with. */
export type PieceWriterParts = {
  readonly piece: number;
  readonly pieceBytes: number;
  readonly lane: PieceLane;
  readonly pool: BufferPool;
  /** Called once, when the writer has ended and no write of it is under way. */
  readonly onEnd: () => void;
};

// One being filled, the others on their way to the disk: 1 MiB a writer hides a disk write of 10 ms at 100 MB/s.
const MAX_BUFFERS_PER_WRITER = 4;

/** Where a writer is in its life. */
type Phase = "filling" | "finishing" | "ended";

/**
 * Takes one piece in order: bytes are put straight into pooled buffers, a full buffer is hashed once and queued, and all that is queued is
 * written by one call while the next buffer fills. One write at a time, so writers of one blob cannot crowd each other out.
 */
export class PooledPieceWriter implements PieceWriter {
  readonly piece: number;
  readonly #parts: PieceWriterParts;
  readonly #hasher = new Blake3();
  #phase: Phase = "filling";
  #current: Uint8Array | undefined;
  #filled = 0;
  #offered = 0;
  #committed = 0;
  #written = 0;
  #held = 0;
  // At most MAX_BUFFERS_PER_WRITER.
  #queue: Uint8Array[] = [];
  #writing = false;
  #askedForBuffer = false;
  #failure: Error | undefined;
  #wake: (() => void)[] = [];

  constructor(parts: PieceWriterParts) {
    this.piece = parts.piece;
    this.#parts = parts;
  }

  space(): Uint8Array | undefined {
    if (this.#phase !== "filling" || this.#failure !== undefined || this.#left === 0) return undefined;
    if (this.#current === undefined) {
      if (this.#held >= MAX_BUFFERS_PER_WRITER || this.#askedForBuffer) return undefined;
      const buffer = this.#parts.pool.take();
      if (buffer === undefined) return undefined;
      this.#startBuffer(buffer);
    }
    const buffer = this.#current;
    if (buffer === undefined) return undefined;
    const free = buffer.subarray(this.#filled, Math.min(buffer.length, this.#filled + this.#left));
    this.#offered = free.length;
    return free;
  }

  commit(bytes: number): void {
    // Bytes that a socket still delivers after the end fall into a buffer that nobody lends again.
    if (this.#phase === "ended" || this.#failure !== undefined) return;
    if (bytes < 0 || bytes > this.#offered) throw new Error(`${String(bytes)} bytes were put where ${String(this.#offered)} were free`);
    this.#offered -= bytes;
    this.#filled += bytes;
    this.#committed += bytes;
    if (this.#current !== undefined && (this.#filled === this.#current.length || this.#left === 0)) this.#flush(this.#current);
  }

  async drained(): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#phase !== "filling" || this.#left === 0) throw new Error(`piece ${String(this.piece)} takes no more bytes`);
      if (this.#current !== undefined) return;
      if (this.#held < MAX_BUFFERS_PER_WRITER) this.#askForBuffer();
      await this.#woken();
    }
  }

  async finish(): Promise<Uint8Array> {
    if (this.#phase !== "filling") throw new Error(`piece ${String(this.piece)} was already finished or given up`);
    if (this.#failure === undefined && this.#left > 0) {
      this.abort();
      throw new Error(`piece ${String(this.piece)} ended ${String(this.#left)} bytes short`);
    }
    this.#phase = "finishing";
    while (this.#writing) await this.#woken();
    if (this.#failure === undefined) return this.#settle();
    this.#end(true);
    throw this.#failure;
  }

  abort(): void {
    if (this.#phase !== "filling") return;
    this.#failure ??= new DOMException(`piece ${String(this.piece)} was given up`, "AbortError");
    this.#phase = "ended";
    this.#dropQueued();
    if (!this.#writing) this.#end(true);
    this.#wakeAll();
  }

  get #left(): number {
    return this.#parts.pieceBytes - this.#committed;
  }

  async #settle(): Promise<Uint8Array> {
    const hash = this.#hasher.digestBuffer();
    try {
      await this.#parts.lane.settle(hash);
      return hash;
    } catch (error) {
      throw storeError(error, `writing piece ${String(this.piece)}`);
    } finally {
      this.#end(false);
    }
  }

  #startBuffer(buffer: Uint8Array): void {
    this.#current = buffer;
    this.#filled = 0;
    this.#held += 1;
  }

  #askForBuffer(): void {
    if (this.#askedForBuffer) return;
    this.#askedForBuffer = true;
    void this.#parts.pool.next().then((buffer) => {
      this.#askedForBuffer = false;
      if (this.#phase === "filling" && this.#failure === undefined) this.#startBuffer(buffer);
      else this.#parts.pool.give(buffer);
      this.#wakeAll();
    });
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #flush(buffer: Uint8Array): void {
    const full = buffer.subarray(0, this.#filled);
    this.#hasher.update(full);
    this.#queue.push(full);
    this.#current = undefined;
    if (!this.#writing) void this.#writeQueued();
  }

  /** Writes until nothing is queued; never rejects. */
  async #writeQueued(): Promise<void> {
    this.#writing = true;
    while (this.#queue.length > 0) {
      const buffers = this.#queue;
      this.#queue = [];
      await this.#writeBuffers(buffers);
    }
    this.#writing = false;
    if (this.#phase === "ended") this.#end(true);
    this.#wakeAll();
  }

  async #writeBuffers(buffers: readonly Uint8Array[]): Promise<void> {
    try {
      await this.#parts.lane.write(buffers, this.#written);
      for (const buffer of buffers) this.#written += buffer.length;
    } catch (error) {
      this.#failure ??= storeError(error, `writing piece ${String(this.piece)}`);
      this.#dropQueued();
    }
    this.#giveBack(buffers);
    this.#wakeAll();
  }

  #dropQueued(): void {
    this.#giveBack(this.#queue);
    this.#queue = [];
    if (this.#current === undefined) return;
    // The caller may still be putting bytes into what `space` gave: this buffer is not lent again.
    this.#current = undefined;
    this.#held -= 1;
    this.#parts.pool.forget();
  }

  #giveBack(buffers: readonly Uint8Array[]): void {
    this.#held -= buffers.length;
    for (const buffer of buffers) this.#parts.pool.give(whole(buffer));
  }

  #wakeAll(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  #end(leave: boolean): void {
    this.#phase = "ended";
    if (leave) this.#parts.lane.leave();
    this.#parts.onEnd();
  }
}

/** The pooled buffer that a part of it was cut from. */
function whole(part: Uint8Array): Uint8Array {
  return part.byteOffset === 0 && part.length === part.buffer.byteLength ? part : new Uint8Array(part.buffer);
}
