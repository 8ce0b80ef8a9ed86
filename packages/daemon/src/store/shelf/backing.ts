import type { PieceHash, Task } from "@darner/domain";

import type { BlobBytes, SideBytes } from "../pieces/piece-places.ts";
import type { BlobFacts } from "../store.ts";

/** One blob's bytes and records, on the disk or in memory. */
export interface BlobBacking extends BlobBytes {
  readonly path: string;
  /** Writes down that these pieces are verified; their bytes were written before. */
  claim(pieces: readonly PieceHash[]): void;
  /** Writes down the facts and, roughly, when the blob was used last. */
  note(facts: BlobFacts, lastUseMs: number): void;
  /** The hashes of a complete blob's pieces. */
  hashes(): PieceHash[];
  /** Makes the proven bytes durable and moves them to where complete blobs are. */
  complete(hashes: readonly PieceHash[]): Promise<void>;
  /** Takes bytes and records away; the bytes are out of the way when the call returns. `kept`: for people to look at, for a while. */
  remove(kept?: "kept"): Promise<void>;
  /** Nobody holds the blob: its file need not stay open. */
  rest(): void;
}

/** The bytes of a spool on their way in. */
export interface SpoolBacking extends SideBytes {
  /** Makes the bytes those of a new blob, not yet complete. */
  become(task: Task, facts: BlobFacts, atMs: number): Promise<BlobBacking>;
}

/** Where a store keeps its blobs. */
export interface Backing {
  create(task: Task, facts: BlobFacts, atMs: number): Promise<BlobBacking>;
  openSide(): Promise<SideBytes>;
  openSpool(): Promise<SpoolBacking>;
  /** Bytes the disk has left for us. */
  freeBytes(): Promise<number>;
  close(): Promise<void>;
}
