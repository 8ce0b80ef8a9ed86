import { pieceCount, pieceRange, type PieceHash, type PieceSet, type Task } from "@darner/domain";

import type { BlobEntry } from "./blob-entry.ts";
import type { BufferPool } from "../pieces/buffer-pool.ts";
import { PooledPieceWriter } from "../pieces/piece-writer.ts";
import type { BlobFacts, PieceWriter, StoredBlob } from "../store.ts";
import { storeError, StoreError } from "../store-error.ts";

/** What a held blob asks of the store it is in. */
export interface Keeper {
  readonly pool: BufferPool;
  /** Pieces became verified: written down and counted. */
  claimed(entry: BlobEntry, pieces: readonly PieceHash[]): void;
  /** One holder less. */
  released(entry: BlobEntry): void;
  complete(entry: BlobEntry): Promise<void>;
  drop(entry: BlobEntry, reason: string, kept?: "kept"): Promise<void>;
}

/** One holder's grip on a blob. */
export class HeldBlob implements StoredBlob {
  readonly #entry: BlobEntry;
  readonly #keeper: Keeper;
  readonly #listeners = new Set<(piece: number | undefined) => void>();
  #held = true;

  /** Counts as a holder from now until disposed. */
  constructor(entry: BlobEntry, keeper: Keeper) {
    this.#entry = entry;
    this.#keeper = keeper;
    entry.holders += 1;
  }

  get task(): Task {
    return this.#entry.task;
  }

  get complete(): boolean {
    return this.#entry.complete;
  }

  get have(): PieceSet {
    return this.#entry.have;
  }

  get facts(): BlobFacts {
    return this.#entry.facts;
  }

  get path(): string {
    return this.#entry.backing.path;
  }

  writePiece(piece: number): PieceWriter {
    const entry = this.#requireHeld();
    if (!Number.isInteger(piece) || piece < 0 || piece >= pieceCount(entry.task.size))
      throw new Error(`${entry.id} has no piece ${String(piece)}`);
    const { start, end } = pieceRange(entry.task.size, piece);
    entry.holders += 1;
    const onEnd = (): void => this.#keeper.released(entry);
    return new PooledPieceWriter({ piece, pieceBytes: end - start, lane: entry.enter(piece), pool: this.#keeper.pool, onEnd });
  }

  markVerified(pieces: readonly PieceHash[]): void {
    const entry = this.#requireHeld();
    const fresh = entry.claim(pieces);
    if (fresh.length === 0) return;
    this.#keeper.claimed(entry, fresh);
    for (const { piece } of fresh) entry.tell(piece);
  }

  hashes(): PieceHash[] {
    return this.#requireHeld().hashes();
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    const entry = this.#requireHeld();
    if (offset < 0 || offset + into.length > entry.task.size)
      throw new RangeError(`${entry.id} ends before ${String(offset + into.length)}`);
    if (entry.dropped) throw new StoreError({ code: "blob-missing" }, `${entry.id} was dropped`);
    try {
      await entry.backing.read(offset, into);
    } catch (error) {
      const trouble = storeError(error, `reading ${entry.id}`);
      if (trouble.detail.code === "blob-missing") await this.#keeper.drop(entry, "its file is gone or too short");
      throw trouble;
    }
  }

  onVerified(listener: (piece: number | undefined) => void): () => void {
    const entry = this.#requireHeld();
    // A wrapper of its own, so that one function may listen twice.
    const own = (piece: number | undefined): void => {
      listener(piece);
    };
    this.#listeners.add(own);
    if (!entry.dropped) entry.listeners.add(own);
    return () => {
      this.#listeners.delete(own);
      entry.listeners.delete(own);
    };
  }

  async markComplete(): Promise<void> {
    await this.#keeper.complete(this.#requireHeld());
  }

  async quarantine(reason: string, kept?: "kept"): Promise<void> {
    await this.#keeper.drop(this.#requireHeld(), reason, kept);
  }

  [Symbol.dispose](): void {
    if (!this.#held) return;
    this.#held = false;
    for (const own of this.#listeners) this.#entry.listeners.delete(own);
    this.#listeners.clear();
    this.#keeper.released(this.#entry);
  }

  #requireHeld(): BlobEntry {
    if (!this.#held) throw new Error(`${this.#entry.id} is not held any more`);
    return this.#entry;
  }
}
