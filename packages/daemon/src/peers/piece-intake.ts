import { DEFAULT_LIMITS } from "@darner/peer-core";
import type { PieceSink } from "../piece-channel/piece-channel.ts";
import type { PieceWriter, StoredBlob } from "../store/store.ts";
import { StoreError } from "../store/store-error.ts";

/** What an intake tells: a piece's bytes are on disk with this hash, or the disk refused them. */
export type IntakeListener = {
  onLanded(transfer: number, piece: number, hash: Uint8Array): void;
  onDiskRefused(transfer: number, error: unknown): void;
};

// A writer whose bytes stopped coming for this long may be taken over by another transfer; nothing of it waits for the disk by then.
const TAKE_OVER_AFTER_MS = 1000;
// Nor does one that drips keep the piece from who was asked a second time: 256 KiB a second is the slowest that is of use.
const SLOWEST_BYTES_PER_MS = 256;
// A landed piece without a verdict for this long was given up by the core and may be written again: the core's own patience.
const VERDICT_OVERDUE_MS = DEFAULT_LIMITS.pendingMs;

type Incoming = {
  readonly transfer: number;
  readonly writer: PieceWriter;
  landed: boolean;
  lastProgress: number;
  readonly begunAt: number;
  bytes: number;
};

/** Takes the pieces of one blob in. Each piece has one writer at a time: a verified piece is never written again. */
export class PieceIntake {
  readonly #blob: StoredBlob;
  readonly #listener: IntakeListener;
  readonly #now: () => number;
  // At most one entry a piece in flight: bounded by the core's bound on pieces in flight.
  readonly #incoming = new Map<number, Incoming>();
  readonly #finishing = new Map<number, Set<Promise<void>>>();
  #closed = false;

  constructor(blob: StoredBlob, listener: IntakeListener, now: () => number) {
    this.#blob = blob;
    this.#listener = listener;
    this.#now = now;
  }

  /** The sink for one transfer. */
  sinkOf(transfer: number): PieceSink {
    return {
      begin: (piece) => this.#begin(transfer, piece),
      end: (piece, writer) => {
        this.#end(transfer, piece, writer);
      },
    };
  }

  /** Resolves when every piece this transfer ended has landed or failed. */
  async settled(transfer: number): Promise<void> {
    const finishing = this.#finishing.get(transfer);
    if (finishing !== undefined) await Promise.all(finishing);
    this.#finishing.delete(transfer);
  }

  /** The transfer is over: what it began and did not end is given up. */
  giveUp(transfer: number): void {
    for (const [piece, incoming] of this.#incoming) {
      if (incoming.transfer !== transfer || incoming.landed) continue;
      incoming.writer.abort();
      this.#incoming.delete(piece);
    }
  }

  /** There is a verdict on a piece: right (it is in `have` now) or wrong (it may be written again). */
  decided(piece: number): void {
    const incoming = this.#incoming.get(piece);
    if (incoming?.landed === true) this.#incoming.delete(piece);
  }

  /** Nothing is taken in any more; what is half here is given up. */
  close(): void {
    this.#closed = true;
    for (const { writer, landed } of this.#incoming.values()) if (!landed) writer.abort();
    this.#incoming.clear();
  }

  #begin(transfer: number, piece: number): PieceWriter | undefined {
    if (this.#closed || this.#blob.have.has(piece)) return undefined;
    const other = this.#incoming.get(piece);
    if (other !== undefined) {
      if (!this.#mayTakeOver(other)) return undefined;
      if (!other.landed) other.writer.abort();
    }
    const now = this.#now();
    const incoming: Incoming = { transfer, writer: this.#blob.writePiece(piece), landed: false, lastProgress: now, begunAt: now, bytes: 0 };
    this.#incoming.set(piece, incoming);
    return this.#watched(incoming);
  }

  #mayTakeOver({ landed, lastProgress, begunAt, bytes }: Incoming): boolean {
    const now = this.#now();
    if (landed) return now - lastProgress >= VERDICT_OVERDUE_MS;
    const ageMs = now - begunAt;
    return now - lastProgress >= TAKE_OVER_AFTER_MS || (ageMs >= TAKE_OVER_AFTER_MS && bytes < ageMs * SLOWEST_BYTES_PER_MS);
  }

  #end(transfer: number, piece: number, writer: PieceWriter): void {
    const incoming = this.#incoming.get(piece);
    if (incoming?.transfer !== transfer) return;
    const finished = writer.finish().then(
      (hash) => {
        if (this.#incoming.get(piece) !== incoming) return;
        incoming.landed = true;
        incoming.lastProgress = this.#now();
        this.#listener.onLanded(transfer, piece, hash);
      },
      (error: unknown) => {
        if (this.#incoming.get(piece) !== incoming) return;
        this.#incoming.delete(piece);
        // Another writer of this piece came first: these bytes do not count, and the disk is well.
        if (error instanceof StoreError && error.detail.code === "piece-superseded") return;
        this.#listener.onDiskRefused(transfer, error);
      },
    );
    const finishing = this.#finishing.get(transfer) ?? new Set();
    this.#finishing.set(transfer, finishing.add(finished));
    void finished.finally(() => finishing.delete(finished));
  }

  #watched(incoming: Incoming): PieceWriter {
    const { writer } = incoming;
    return {
      piece: writer.piece,
      space: () => writer.space(),
      commit: (bytes) => {
        incoming.lastProgress = this.#now();
        incoming.bytes += bytes;
        writer.commit(bytes);
      },
      drained: () => writer.drained(),
      finish: () => writer.finish(),
      abort: () => {
        writer.abort();
        if (this.#incoming.get(incoming.writer.piece) === incoming) this.#incoming.delete(incoming.writer.piece);
      },
    };
  }
}
