import { pieceRange, type PieceRun, type Task } from "@darner/domain";
import type { SourceCause } from "@darner/peer-core";
import type { SourceRead } from "./blob-account.ts";
import { MAX_SOURCE_READS } from "./limits.ts";

type Entry = { -readonly [Key in keyof SourceRead]: SourceRead[Key] };

/** The reads of the source, in order. */
export class SourceReadBook {
  readonly #task: Task;
  // At most MAX_SOURCE_READS; the latest are left out, for the first ones tell why.
  readonly #reads: Entry[] = [];
  readonly #running = new Map<number, Entry>();
  #leftOut = 0;

  constructor(task: Task) {
    this.#task = task;
  }

  began(transfer: number, run: PieceRun, cause: SourceCause, instead: string, atMs: number): void {
    if (this.#reads.length >= MAX_SOURCE_READS) {
      this.#leftOut += 1;
      return;
    }
    const read: Entry = { atMs, endMs: null, run, cause, instead, pieces: 0, bytes: 0, end: null };
    this.#reads.push(read);
    this.#running.set(transfer, read);
  }

  gave(transfer: number, piece: number): void {
    const read = this.#running.get(transfer);
    if (read === undefined) return;
    const { start, end } = pieceRange(this.#task.size, piece);
    read.pieces += 1;
    read.bytes += end - start;
  }

  ended(transfer: number, end: string, atMs: number): void {
    const read = this.#running.get(transfer);
    this.#running.delete(transfer);
    if (read === undefined) return;
    read.end = end;
    read.endMs = atMs;
  }

  get reads(): SourceRead[] {
    return this.#reads.map((read) => ({ ...read }));
  }

  get leftOut(): number {
    return this.#leftOut;
  }
}
