import { createHash } from "node:crypto";
import { digestOf, pieceCount, pieceRange, PieceSet, taskId, type PieceHash, type Task } from "@darner/domain";
import { seededBytes } from "@darner/testkit";
import type { BlobStore, PieceWriter, StoredBlob } from "../src/store/store.ts";

/** A task with the bytes it stands for. */
export type FakeContent = { readonly task: Task; readonly bytes: Uint8Array };

/** Seeded bytes and their task. */
export function contentOf(seed: number | string, size: number): FakeContent {
  const bytes = seededBytes(seed, size);
  return { bytes, task: { digest: digestOf(`sha256:${createHash("sha256").update(bytes).digest("hex")}`), size } };
}

/** A blob whose bytes lie in memory, all of them readable; what counts as verified is up to the test. */
export class FakeBlob {
  readonly content: FakeContent;
  readonly have: PieceSet;
  readonly listeners = new Set<(piece: number | undefined) => void>();
  /** How many holders have not given the blob back. */
  held = 0;
  /** What reads end with, where they shall fail. */
  readFailure: Error | undefined;

  constructor(content: FakeContent, have: Iterable<number> = PieceSet.full(pieceCount(content.task.size))) {
    this.content = content;
    this.have = new PieceSet(pieceCount(content.task.size));
    for (const piece of have) this.have.add(piece);
  }

  verify(piece: number): void {
    this.have.add(piece);
    for (const tell of [...this.listeners]) tell(piece);
  }

  drop(): void {
    for (const tell of [...this.listeners]) tell(undefined);
  }

  hold(): StoredBlob {
    this.held += 1;
    const { content, have, listeners } = this;
    return {
      task: content.task,
      complete: have.isFull,
      have,
      facts: {},
      path: "",
      writePiece: never,
      markVerified: never,
      hashes: (): PieceHash[] => [],
      read: (offset, into) => {
        if (this.readFailure !== undefined) return Promise.reject(this.readFailure);
        into.set(content.bytes.subarray(offset, offset + into.length));
        return Promise.resolve();
      },
      onVerified: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      markComplete: never,
      quarantine: never,
      [Symbol.dispose]: () => {
        this.held -= 1;
      },
    };
  }
}

/** A store of fake blobs: gives what was put there, nothing else. */
export class FakeStore {
  readonly #blobs = new Map<string, FakeBlob>();

  put(blob: FakeBlob): FakeBlob {
    this.#blobs.set(taskId(blob.content.task), blob);
    return blob;
  }

  asStore(): BlobStore {
    return {
      open: (task) => this.#blobs.get(taskId(task))?.hold(),
      openOrCreate: never,
      put: never,
      findComplete: never,
      pin: never,
      list: never,
      spool: never,
      usage: { bytes: 0, blobs: 0, maxBytes: 0 },
      onDropped: never,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
}

// Several to a piece, and no divisor of its length.
const FAKE_BUFFER_BYTES = 50_000;

/** How the disk behind a fake writer behaves: `slow` has no room until asked twice, `full` refuses after the first buffer. */
export type FakeDisk = "fast" | "slow" | "full";

/** A writer that keeps a piece in memory and checks that it is used as the store asks for. */
export class FakeWriter implements PieceWriter {
  readonly piece: number;
  readonly bytes: Uint8Array;
  aborted = false;
  finished = false;
  #filled = 0;
  #buffer: Uint8Array | undefined;
  #offered = 0;
  readonly #disk: FakeDisk;
  #room = true;

  constructor(piece: number, task: Task, disk: FakeDisk) {
    const { start, end } = pieceRange(task.size, piece);
    this.piece = piece;
    this.bytes = new Uint8Array(end - start);
    this.#disk = disk;
  }

  space(): Uint8Array | undefined {
    if (!this.#room) return undefined;
    this.#buffer ??= new Uint8Array(Math.min(FAKE_BUFFER_BYTES, this.bytes.length - this.#filled));
    this.#offered = this.#buffer.length;
    return this.#buffer;
  }

  commit(bytes: number): void {
    if (this.aborted || this.finished) throw new Error("bytes for a writer that has ended");
    if (this.#buffer === undefined || bytes > this.#offered) throw new Error("more bytes than there was space");
    this.bytes.set(this.#buffer.subarray(0, bytes), this.#filled);
    this.#filled += bytes;
    // What was handed out must not be written to again: a stray write would not be seen.
    this.#buffer = bytes < this.#offered ? this.#buffer.subarray(bytes) : undefined;
    this.#offered = 0;
    if (this.#buffer === undefined && this.#disk !== "fast") this.#room = false;
  }

  drained(): Promise<void> {
    if (this.#disk === "full") return Promise.reject(new Error("no space left on device"));
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#room = true;
        resolve();
      });
    });
  }

  finish(): Promise<Uint8Array> {
    this.finished = true;
    if (this.#disk === "full" && !this.#room) return Promise.reject(new Error("no space left on device"));
    if (this.#filled < this.bytes.length) return Promise.reject(new Error("the piece ended short"));
    return Promise.resolve(createHash("sha256").update(this.bytes).digest());
  }

  abort(): void {
    this.aborted = true;
  }
}

function never(): never {
  throw new Error("the piece channel has no business with this");
}
