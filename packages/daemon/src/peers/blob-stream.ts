import { pieceAt, pieceRange, type ByteRange, type PieceSet, type Task } from "@darner/domain";
import type { BlobReader, LentBytes } from "@darner/mirror";
import { BlobFailure } from "./blob-failure.ts";
import type { ReadBuffers } from "./read-buffers.ts";

/** The blob a stream reads from, as it stands now. */
export interface StreamedBlob {
  readonly task: Task;
  readonly have: PieceSet;
  /** Whether this node has proven the digest; before that the last byte is held back. */
  readonly proven: boolean;
  read(offset: number, into: Uint8Array): Promise<void>;
}

/** What a stream tells its owner. */
export type StreamListener = {
  /** The stream now needs piece `piece` first. */
  onAdvance(stream: BlobStream, piece: number): void;
  onClose(stream: BlobStream): void;
};

/** One reader of one blob: gives the bytes of a range in order as soon as they are verified, the blob's last byte only when the digest is proven. */
export class BlobStream implements BlobReader {
  readonly #blob: StreamedBlob;
  readonly #buffers: ReadBuffers;
  readonly #listener: StreamListener;
  readonly #start: number;
  readonly #end: number;
  #offset: number;
  #closed = false;
  #failure: BlobFailure | undefined;
  #wake: (() => void) | undefined;
  #peeked: Promise<LentBytes | undefined> | undefined;

  constructor(blob: StreamedBlob, range: ByteRange, buffers: ReadBuffers, listener: StreamListener) {
    this.#blob = blob;
    this.#start = range.start;
    this.#offset = range.start;
    this.#end = range.end;
    this.#buffers = buffers;
    this.#listener = listener;
  }

  /** The piece this stream needs next, and the first one it does not need. */
  get wanted(): { readonly next: number; readonly end: number } {
    const { size } = this.#blob.task;
    if (this.#offset >= this.#end) return { next: 0, end: 0 };
    return { next: pieceAt(size, this.#offset), end: pieceAt(size, this.#end - 1) + 1 };
  }

  /** Whether bytes of this piece were given already. */
  hasGiven(piece: number): boolean {
    const { start, end } = pieceRange(this.#blob.task.size, piece);
    return start < this.#offset && end > this.#start;
  }

  /** Whether somebody waits on this stream for bytes that are not there. */
  get waiting(): boolean {
    return this.#wake !== undefined;
  }

  read(): Promise<LentBytes | undefined> {
    const peeked = this.#peeked;
    this.#peeked = undefined;
    return peeked ?? this.#next();
  }

  /** Resolves when the next bytes are at hand (they stay for `read`); rejects with `BlobFailure` where they will not come. */
  async peek(): Promise<void> {
    this.#peeked ??= this.#next();
    await this.#peeked;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake?.();
    void this.#peeked?.then(
      (lent) => lent?.release(),
      () => undefined,
    );
    this.#listener.onClose(this);
  }

  /** Something changed: pieces came, the proof succeeded. */
  wake(): void {
    this.#wake?.();
  }

  /** What is still missing will not come. */
  fail(failure: BlobFailure): void {
    this.#failure ??= failure;
    this.#wake?.();
  }

  /** Goes past what can be read now without reading it; waits where there is nothing. False at the end; rejects as `read` does. */
  async pass(): Promise<boolean> {
    const end = await this.#ready();
    if (end === undefined) return false;
    this.#advance(end);
    return true;
  }

  async #next(): Promise<LentBytes | undefined> {
    const end = await this.#ready();
    return end === undefined ? undefined : this.#lend(end);
  }

  /** Up to where bytes can be given, at least one; undefined where there will be none. */
  async #ready(): Promise<number | undefined> {
    for (;;) {
      if (this.#closed || this.#offset >= this.#end) return undefined;
      // What is verified is given first, but nothing of a blob that turned out to be wrong.
      if (this.#failure?.detail.code === "wrong-bytes") throw this.#failure;
      const end = this.#readableEnd();
      if (end > this.#offset) return end;
      if (this.#failure !== undefined) throw this.#failure;
      await this.#changed();
    }
  }

  /** Up to where bytes can be given now. */
  #readableEnd(): number {
    const { task, have, proven } = this.#blob;
    const missing = have.firstMissing(pieceAt(task.size, this.#offset));
    const verified = missing === have.size ? task.size : pieceRange(task.size, missing).start;
    return Math.min(this.#end, verified, proven ? task.size : task.size - 1);
  }

  async #lend(end: number): Promise<LentBytes> {
    const buffer = this.#buffers.take();
    const bytes = buffer.bytes.subarray(0, Math.min(buffer.bytes.length, end - this.#offset));
    try {
      await this.#blob.read(this.#offset, bytes);
    } catch (error) {
      buffer.release();
      throw new BlobFailure({ code: "disk-refused", retryAfterMs: 0 }, error);
    }
    this.#advance(this.#offset + bytes.length);
    return { bytes, release: buffer.release };
  }

  #advance(offset: number): void {
    const before = this.wanted.next;
    this.#offset = offset;
    const after = this.wanted.next;
    if (after !== before && !this.#closed) this.#listener.onAdvance(this, after);
  }

  async #changed(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#wake = () => {
      this.#wake = undefined;
      resolve(undefined);
    };
    await promise;
  }
}
