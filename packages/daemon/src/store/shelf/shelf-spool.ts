import type { Digest, Task } from "@darner/domain";

import type { SpoolBacking } from "./backing.ts";
import type { BlobFacts, Spool } from "../store.ts";
import { storeError } from "../store-error.ts";

/** What a spool asks of the shelf it belongs to. */
export type SpoolParts = {
  readonly backing: SpoolBacking;
  readonly maxStepBytes: number;
  readonly reserve: (bytes: number) => Promise<void>;
  readonly stored: (bytes: number) => void;
  readonly release: (bytes: number) => void;
  readonly adopt: (task: Task, facts: BlobFacts, settle: () => void) => Promise<void>;
};

// 16 MiB at a time are reserved, so that not every append asks the disk how full it is; never more than 1/64 of a small budget.
const STEP_BYTES = 16 * 1024 * 1024;
const STEPS_IN_BUDGET = 64;

/** A spool whose bytes count against the budget while they come in. One append at a time. */
export class ShelfSpool implements Spool {
  readonly #parts: SpoolParts;
  readonly #stepBytes: number;
  #bytes = 0;
  #reserved = 0;
  #ended = false;

  constructor(parts: SpoolParts) {
    this.#parts = parts;
    this.#stepBytes = Math.min(STEP_BYTES, Math.floor(parts.maxStepBytes / STEPS_IN_BUDGET));
  }

  get bytes(): number {
    return this.#bytes;
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#requireOpen();
    const missing = this.#bytes + bytes.length - this.#reserved;
    if (missing > 0) {
      const step = Math.max(missing, this.#stepBytes);
      await this.#parts.reserve(step);
      this.#reserved += step;
    }
    try {
      await this.#parts.backing.write([bytes], this.#bytes);
    } catch (error) {
      throw storeError(error, "appending to a spool");
    }
    this.#bytes += bytes.length;
    this.#parts.stored(bytes.length);
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    this.#requireOpen();
    if (offset < 0 || offset + into.length > this.#bytes) throw new RangeError(`the spool ends before ${String(offset + into.length)}`);
    try {
      await this.#parts.backing.read(offset, into);
    } catch (error) {
      throw storeError(error, "reading a spool");
    }
  }

  async adopt(digest: Digest, facts: BlobFacts): Promise<void> {
    this.#requireOpen();
    this.#ended = true;
    try {
      await this.#parts.adopt({ digest, size: this.#bytes }, facts, () => {
        this.#settle();
      });
    } finally {
      this.#settle();
      this.#parts.backing.close();
    }
  }

  discard(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    this.#ended = true;
    this.#settle();
    this.#parts.backing.close();
    return Promise.resolve();
  }

  /** Ends what the spool has reserved; what is left of it is nothing, or a blob that counts for itself. */
  #settle(): void {
    this.#parts.release(this.#reserved);
    this.#parts.stored(-this.#bytes);
    this.#reserved = 0;
    this.#bytes = 0;
  }

  #requireOpen(): void {
    if (this.#ended) throw new Error("the spool was adopted or discarded");
  }
}
