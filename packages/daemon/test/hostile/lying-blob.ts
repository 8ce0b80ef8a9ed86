import { readFileSync } from "node:fs";
import { pieceCount, pieceRange, PieceSet, type PieceHash, type Task } from "@darner/domain";
import type { BlobStore, StoredBlob } from "../../src/store/store.ts";
import type { HostilePlan } from "./hostile-plan.ts";
import { Blake3 } from "../../src/store/blake3.ts";

/** The bytes of the blob as the liar tells them, whole in memory. */
export class LyingBlob {
  readonly task: Task;
  readonly #right: Buffer;
  readonly #plan: HostilePlan;

  constructor(plan: HostilePlan) {
    this.#plan = plan;
    this.#right = readFileSync(plan.content);
    this.task = { digest: plan.digest as Task["digest"], size: this.#right.length };
  }

  get pieces(): number {
    return pieceCount(this.task.size);
  }

  /** The bytes of a piece as they are sent. */
  piece(piece: number): Buffer {
    const { start, end } = pieceRange(this.task.size, piece);
    const bytes = Buffer.from(this.#right.subarray(start, end));
    if (this.#sendsWrong(piece)) bytes[0] = (bytes[0] ?? 0) ^ 0xff;
    return bytes;
  }

  /** The line that is told of a piece. */
  line(piece: number): PieceHash {
    const { start, end } = pieceRange(this.task.size, piece);
    const told = this.#tellsWrong ? this.piece(piece) : this.#right.subarray(start, end);
    return { piece, hash: new Blake3().update(told).digestBuffer() };
  }

  /** A store that holds this one blob. */
  asStore(): BlobStore {
    const open = (): StoredBlob => this.#open();
    return { open, findComplete: () => undefined, list: () => [] } as unknown as BlobStore;
  }

  get #tellsWrong(): boolean {
    return this.#plan.lie === "wrong-table" || this.#plan.lie === "false-proof";
  }

  #sendsWrong(piece: number): boolean {
    if (!this.#tellsWrong && this.#plan.lie !== "wrong-bytes") return false;
    return this.#plan.pieces?.includes(piece) ?? true;
  }

  #open(): StoredBlob {
    const { task, pieces } = this;
    const have = this.#plan.lie === "has-nothing" ? new PieceSet(pieces) : PieceSet.full(pieces);
    const read = (offset: number, into: Uint8Array): Promise<void> => {
      for (let at = offset; at < offset + into.length;) {
        const piece = Math.floor(at / pieceRange(task.size, 0).end);
        const from = at - pieceRange(task.size, piece).start;
        const part = this.piece(piece).subarray(from, from + offset + into.length - at);
        into.set(part, at - offset);
        at += part.length;
      }
      return Promise.resolve();
    };
    return {
      task,
      have,
      complete: true,
      read,
      onVerified: () => () => undefined,
      [Symbol.dispose]: () => undefined,
    } as unknown as StoredBlob;
  }
}
