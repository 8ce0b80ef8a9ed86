import type { PieceHash, PieceSet, Task } from "@darner/domain";
import type { BlobFacts, BlobStore, PieceWriter, StoredBlob } from "../src/store/store.ts";

/** What a test may hold up, per call: resolves when the call may go on. */
export type Gates = {
  readonly openOrCreate?: () => Promise<unknown>;
  readonly markComplete?: () => Promise<unknown>;
  readonly quarantine?: () => Promise<unknown>;
};

/** A store that waits where a test says. */
export function gatedStore(store: BlobStore, gates: Gates): BlobStore {
  return {
    open: (task, why) => store.open(task, why),
    openOrCreate: async (task, facts) => {
      await gates.openOrCreate?.();
      return new GatedBlob(await store.openOrCreate(task, facts), gates);
    },
    put: (task, bytes, facts) => store.put(task, bytes, facts),
    pin: (task, ms) => {
      store.pin(task, ms);
    },
    findComplete: (digest) => store.findComplete(digest),
    list: () => store.list(),
    spool: () => store.spool(),
    get usage() {
      return store.usage;
    },
    onDropped: (listener) => store.onDropped(listener),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

class GatedBlob implements StoredBlob {
  readonly #blob: StoredBlob;
  readonly #gates: Gates;

  constructor(blob: StoredBlob, gates: Gates) {
    this.#blob = blob;
    this.#gates = gates;
  }

  get task(): Task {
    return this.#blob.task;
  }

  get complete(): boolean {
    return this.#blob.complete;
  }

  get have(): PieceSet {
    return this.#blob.have;
  }

  get facts(): BlobFacts {
    return this.#blob.facts;
  }

  get path(): string {
    return this.#blob.path;
  }

  writePiece(piece: number): PieceWriter {
    return this.#blob.writePiece(piece);
  }

  markVerified(pieces: readonly PieceHash[]): void {
    this.#blob.markVerified(pieces);
  }

  hashes(): PieceHash[] {
    return this.#blob.hashes();
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    return this.#blob.read(offset, into);
  }

  onVerified(listener: (piece: number | undefined) => void): () => void {
    return this.#blob.onVerified(listener);
  }

  async markComplete(): Promise<void> {
    await this.#gates.markComplete?.();
    await this.#blob.markComplete();
  }

  async quarantine(reason: string): Promise<void> {
    await this.#gates.quarantine?.();
    await this.#blob.quarantine(reason);
  }

  [Symbol.dispose](): void {
    this.#blob[Symbol.dispose]();
  }
}
