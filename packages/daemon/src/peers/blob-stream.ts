import { pieceAt, pieceRange, type ByteRange, type PieceSet, type Task } from "@darner/domain";
import type { BlobReader, LentBytes } from "@darner/mirror";
import { BlobFailure } from "./blob-failure.ts";
import type { ReadBuffers } from "./read-buffers.ts";

/** The blob a stream reads from, as it stands now. */
export interface StreamedBlob {
  readonly task: Task;
  readonly have: PieceSet;
  /** Of these, the pieces that may be given before the proof; absent: all of them. */
  readonly early?: PieceSet | undefined;
  /** Whether this node has proven the digest; before that the last byte is held back. */
  readonly proven: boolean;
  read(offset: number, into: Uint8Array): Promise<void>;
}

/** Who reads: a client, whose bytes leave this host, or this host itself. */
export type StreamUse = "client" | "inside";

/** The same blob for a reader on this host itself, which may have every verified piece before the proof. */
export function allEarly(blob: StreamedBlob): StreamedBlob {
  return {
    task: blob.task,
    get have() {
      return blob.have;
    },
    get proven() {
      return blob.proven;
    },
    read: (offset, into) => blob.read(offset, into),
  };
}

/** What a stream tells its owner. */
export type StreamListener = {
  /** The stream now needs piece `piece` first. */
  onAdvance(stream: BlobStream, piece: number): void;
  onClose(stream: BlobStream): void;
};

/** One reader of one blob: gives the bytes of a range in order as soon as they are verified and may leave, the blob's last byte only when the digest is proven. */
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
  // The piece the owner knows to be needed next.
  #told: number;

  constructor(blob: StreamedBlob, range: ByteRange, buffers: ReadBuffers, listener: StreamListener) {
    this.#blob = blob;
    this.#start = range.start;
    this.#offset = range.start;
    this.#end = range.end;
    this.#buffers = buffers;
    this.#listener = listener;
    this.#told = this.wanted.next;
  }

  /** The piece this stream needs next, and the first one it does not need. */
  get wanted(): { readonly next: number; readonly end: number } {
    const { task, have } = this.#blob;
    if (this.#offset >= this.#end) return { next: 0, end: 0 };
    const next = pieceAt(task.size, this.#offset);
    if (!this.#waitsForProof) return { next, end: pieceAt(task.size, this.#end - 1) + 1 };
    // The proof needs the whole blob: what is missing of it is missing to this stream, from its own place on.
    const missing = [have.firstMissing(next), have.firstMissing(), next].find((piece) => piece < have.size);
    return { next: missing ?? next, end: have.size };
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

  /** Resolves when the next bytes are at hand (they stay for `read`), though they may have to wait for the proof; rejects with `BlobFailure` where they will not come. */
  async peek(): Promise<void> {
    if (this.#waitsForProof) {
      await this.#until(() => this.#verifiedEnd());
      return;
    }
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

  /** Whether there may be verified bytes that have to wait for the proof. */
  get #waitsForProof(): boolean {
    return this.#blob.early !== undefined && !this.#blob.proven;
  }

  /** Up to where bytes can be given, at least one; undefined where there will be none. */
  #ready(): Promise<number | undefined> {
    return this.#until(() => this.#readableEnd());
  }

  /** What `endNow` says as soon as that is past this stream's place; undefined where it will not be. */
  async #until(endNow: () => number): Promise<number | undefined> {
    for (;;) {
      if (this.#closed || this.#offset >= this.#end) return undefined;
      // What is verified is given first, but nothing of a blob that turned out to be wrong.
      if (this.#failure?.detail.code === "wrong-bytes") throw this.#failure;
      const end = endNow();
      if (end > this.#offset) return end;
      if (this.#failure !== undefined) throw this.#failure;
      this.#tellWanted();
      await this.#changed();
    }
  }

  /** Up to where bytes can be given now. */
  #readableEnd(): number {
    const { task, have, early, proven } = this.#blob;
    return proven ? this.#endOf(have) : Math.min(this.#endOf(early ?? have), task.size - 1);
  }

  /** Up to where bytes are verified, whether they may be given or not. */
  #verifiedEnd(): number {
    return this.#endOf(this.#blob.have);
  }

  #endOf(pieces: PieceSet): number {
    const { size } = this.#blob.task;
    const missing = pieces.firstMissing(pieceAt(size, this.#offset));
    return Math.min(this.#end, missing === pieces.size ? size : pieceRange(size, missing).start);
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
    this.#offset = offset;
    this.#tellWanted();
  }

  #tellWanted(): void {
    const { next } = this.wanted;
    if (next === this.#told || this.#closed) return;
    this.#told = next;
    this.#listener.onAdvance(this, next);
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
