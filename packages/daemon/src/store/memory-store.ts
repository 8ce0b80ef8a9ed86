import { pieceCount, type PieceHash, type Task } from "@darner/domain";
import type { Logger } from "@darner/runtime";

import type { Backing, BlobBacking, SpoolBacking } from "./shelf/backing.ts";
import { BlobShelf } from "./shelf/blob-shelf.ts";
import { pieceBuffers, type BufferPool } from "./pieces/buffer-pool.ts";
import type { SideBytes } from "./pieces/piece-places.ts";
import type { BlobStore } from "./store.ts";

/** What a store in memory works with. */
export type MemoryStoreDeps = {
  readonly log: Logger;
  readonly clock?: () => number;
  readonly pool?: BufferPool;
  /** What is left of the disk that is not there. */
  readonly freeBytes?: () => number;
};

/** Opens a store that forgets everything with the process: the twin of the one on disk, under the very same rules of keeping. */
export function openMemoryStore(config: { readonly maxBytes: number; readonly minFreeBytes: number }, deps: MemoryStoreDeps): BlobStore {
  const { log, clock = Date.now, pool = pieceBuffers, freeBytes = (): number => Number.MAX_SAFE_INTEGER } = deps;
  return new BlobShelf({ backing: new MemoryBacking(freeBytes), limits: config, pool, log, clock });
}

/** Blobs as arrays of bytes. */
class MemoryBacking implements Backing {
  readonly #freeBytes: () => number;

  constructor(freeBytes: () => number) {
    this.#freeBytes = freeBytes;
  }

  create(task: Task): Promise<BlobBacking> {
    return Promise.resolve(new MemoryBlob(task, new GrowingBytes(task.size)));
  }

  openSide(): Promise<SideBytes> {
    return Promise.resolve(new GrowingBytes(0));
  }

  openSpool(): Promise<SpoolBacking> {
    const bytes = new GrowingBytes(0);
    return Promise.resolve({
      write: (buffers, position) => bytes.write(buffers, position),
      read: (position, into) => bytes.read(position, into),
      close: () => undefined,
      become: (task) => Promise.resolve(new MemoryBlob(task, bytes)),
    });
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(this.#freeBytes());
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** One blob in memory. */
class MemoryBlob implements BlobBacking {
  readonly #task: Task;
  readonly #bytes: GrowingBytes;
  #hashes: readonly PieceHash[] = [];
  #complete = false;

  constructor(task: Task, bytes: GrowingBytes) {
    this.#task = task;
    this.#bytes = bytes;
  }

  get path(): string {
    return `memory:${this.#complete ? "blobs" : "incoming"}/${this.#task.digest}`;
  }

  write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    return this.#bytes.write(buffers, position);
  }

  read(position: number, into: Uint8Array): Promise<void> {
    return this.#bytes.read(position, into);
  }

  claim(): void {}

  note(): void {}

  hashes(): PieceHash[] {
    return this.#hashes.length === pieceCount(this.#task.size) ? [...this.#hashes] : [];
  }

  complete(hashes: readonly PieceHash[]): Promise<void> {
    this.#hashes = hashes;
    this.#complete = true;
    return Promise.resolve();
  }

  remove(): Promise<void> {
    return Promise.resolve();
  }

  rest(): void {}
}

/** Bytes that grow where they are written. */
class GrowingBytes implements SideBytes {
  #bytes: Uint8Array;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
  }

  write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    let at = position;
    for (const buffer of buffers) {
      this.#grow(at + buffer.length);
      this.#bytes.set(buffer, at);
      at += buffer.length;
    }
    return Promise.resolve();
  }

  read(position: number, into: Uint8Array): Promise<void> {
    into.set(this.#bytes.subarray(position, position + into.length));
    return Promise.resolve();
  }

  close(): void {}

  #grow(size: number): void {
    if (size <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(size, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
