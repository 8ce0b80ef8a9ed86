import { pieceCount, pieceRange, PieceSet, PieceTable, taskId, type PieceHash, type Task, type TaskId } from "@darner/domain";

import type { BlobBacking } from "./backing.ts";
import { PiecePlaces, type SideBytes } from "../pieces/piece-places.ts";
import type { PieceLane } from "../pieces/piece-writer.ts";
import type { BlobFacts } from "../store.ts";
import { StoreError } from "../store-error.ts";

/** What an entry is made of. */
export type EntryParts = {
  readonly task: Task;
  readonly facts: BlobFacts;
  readonly backing: BlobBacking;
  readonly lastUseMs: number;
  /** A complete blob has all pieces; of one on its way in, these are verified. */
  readonly complete: boolean;
  readonly verified?: readonly PieceHash[];
  readonly openSide: () => Promise<SideBytes>;
};

/** Hashing the pieces of another boot again. */
export interface Rechecking {
  /** Begins, or goes on with what began before; resolves when every piece is claimed or given up. */
  run(): Promise<void>;
  /** Gives up what was not hashed yet. */
  stop(): void;
}

/** Where a blob is in its life in the store. */
type Phase =
  /** On its way in: what is verified, and who writes where. */
  | { readonly is: "incoming"; readonly have: PieceSet; readonly table: PieceTable; readonly places: PiecePlaces }
  /** Whole and proven; the set of all its pieces is made when somebody asks. */
  | { readonly is: "complete"; have: PieceSet | undefined }
  /** Evicted or quarantined: nothing is claimed any more. */
  | { readonly is: "dropped"; readonly have: PieceSet };

/** One blob in the store, shared by all who hold it. */
export class BlobEntry {
  readonly task: Task;
  readonly id: TaskId;
  readonly backing: BlobBacking;
  facts: BlobFacts;
  lastUseMs: number;
  /** Handles and writers; an entry with any is never evicted. */
  holders = 0;
  /** The completion under way. */
  completing: Promise<void> | undefined;
  /** The pieces of another boot; undefined once they were hashed again. */
  rechecking: Rechecking | undefined;
  // At most one for each reader and writer of the blob; gone with their handle.
  readonly listeners: Set<(piece: number | undefined) => void> = new Set();
  #phase: Phase;
  #verifiedBytes = 0;

  constructor(parts: EntryParts) {
    this.task = parts.task;
    this.id = taskId(parts.task);
    this.backing = parts.backing;
    this.facts = parts.facts;
    this.lastUseMs = parts.lastUseMs;
    this.#phase = parts.complete ? { is: "complete", have: undefined } : this.#incoming(parts);
    for (const piece of parts.verified ?? []) this.#add(piece);
  }

  get complete(): boolean {
    return this.#phase.is === "complete";
  }

  get dropped(): boolean {
    return this.#phase.is === "dropped";
  }

  /** Bytes of the blob that are verified and on the disk. */
  get storedBytes(): number {
    return this.complete ? this.task.size : this.#verifiedBytes;
  }

  get have(): PieceSet {
    if (this.#phase.is === "complete") this.#phase.have ??= PieceSet.full(pieceCount(this.task.size));
    return this.#phase.have ?? new PieceSet(0);
  }

  hashes(): PieceHash[] {
    if (this.#phase.is === "complete") return this.backing.hashes();
    return this.#phase.is === "incoming" ? [...this.#phase.table.entries()] : [];
  }

  /** Lets one more writer of a piece in; where no bytes are wanted any more it writes nothing, and fails where the blob is gone. */
  enter(piece: number): PieceLane {
    if (this.#phase.is === "incoming") return this.#phase.places.enter(piece);
    const outcome = async (): Promise<void> => {
      await Promise.resolve();
      if (!this.complete) throw new StoreError({ code: "blob-missing" }, `${this.id} was dropped`);
    };
    return { write: outcome, settle: outcome, leave: () => undefined };
  }

  /** incoming → incoming: pieces whose bytes are at their place become verified. Gives those that were new. */
  claim(pieces: readonly PieceHash[]): PieceHash[] {
    if (this.#phase.is !== "incoming") return [];
    const { have, places } = this.#phase;
    const fresh: PieceHash[] = [];
    for (const piece of pieces) {
      if (have.has(piece.piece)) continue;
      if (!places.holds(piece.piece, piece.hash))
        throw new Error(`piece ${String(piece.piece)} of ${this.id} was never written with this hash`);
      if (this.#add(piece)) fresh.push(piece);
      places.forget(piece.piece);
    }
    return fresh;
  }

  /** incoming → incoming: a piece of an earlier boot has the hash it had then, and nobody wrote there since. Says whether that is so. */
  claimRechecked(piece: PieceHash): boolean {
    if (this.#phase.is !== "incoming" || this.#phase.places.isTouched(piece.piece)) return false;
    return this.#add(piece);
  }

  /** incoming → complete. */
  becomeComplete(): void {
    if (this.#phase.is !== "incoming") throw new Error(`${this.id} cannot become complete: it is ${this.#phase.is}`);
    this.#phase = { is: "complete", have: this.#phase.have };
  }

  /** any → dropped: the claims are withdrawn and the listeners told. */
  becomeDropped(): void {
    if (this.#phase.is === "dropped") return;
    const have = this.have;
    for (const piece of have) have.delete(piece);
    this.#phase = { is: "dropped", have };
    this.#verifiedBytes = 0;
    this.tell(undefined);
    this.listeners.clear();
  }

  /** Tells every listener. */
  tell(piece: number | undefined): void {
    for (const listener of [...this.listeners]) listener(piece);
  }

  #incoming({ task, backing, openSide }: EntryParts): Phase {
    const pieces = pieceCount(task.size);
    const isVerified = (piece: number): boolean => this.have.has(piece);
    const places = new PiecePlaces({ task, bytes: backing, isVerified, openSide });
    return { is: "incoming", have: new PieceSet(pieces), table: new PieceTable(pieces), places };
  }

  #add(piece: PieceHash): boolean {
    if (this.#phase.is !== "incoming" || this.#phase.table.add(piece) === "conflict" || !this.#phase.have.add(piece.piece)) return false;
    const { start, end } = pieceRange(this.task.size, piece.piece);
    this.#verifiedBytes += end - start;
    return true;
  }
}
