import type { PieceSet } from "@darner/domain";
import type { ReaderId } from "../event.ts";
import type { Millis } from "../limits.ts";

/** One reader: it wants the pieces from `next` up to `end`, in order. */
export type Reader = {
  readonly id: ReaderId;
  next: number;
  readonly end: number;
  /** Since when its next piece keeps it waiting; undefined while it can go on. */
  waitingSince: Millis | undefined;
  /** Whether it ever had a piece: its response has begun. */
  served: boolean;
};

/** A reader whose next piece is not here. */
export type WaitingReader = Reader & { waitingSince: Millis };

/** The readers of a peer. */
export class ReaderBook {
  readonly #readers = new Map<ReaderId, Reader>();
  readonly #max: number;
  #waiting: readonly WaitingReader[] | undefined;
  /** Since when there is no reader; meaningless while there is one. */
  emptySince: Millis;

  constructor(max: number, now: Millis) {
    this.#max = max;
    this.emptySince = now;
  }

  get count(): number {
    return this.#readers.size;
  }

  get all(): Iterable<Reader> {
    return this.#readers.values();
  }

  /** Follows a reader; one that wants nothing of this blob, or one too many, is only not followed. */
  open(id: ReaderId, next: number, end: number, pieces: number): void {
    const last = Math.min(end, pieces);
    if (!Number.isInteger(next) || !Number.isInteger(last) || next < 0 || next > last || this.#readers.size >= this.#max) return;
    this.#waiting = undefined;
    this.#readers.set(id, { id, next, end: last, waitingSince: undefined, served: false });
  }

  advance(id: ReaderId, next: number): void {
    const reader = this.#readers.get(id);
    if (reader === undefined || reader.next === next || !Number.isInteger(next) || next < 0 || next > reader.end) return;
    if (reader.waitingSince !== undefined) this.#waiting = undefined;
    reader.next = next;
    reader.waitingSince = undefined;
    reader.served = true;
  }

  close(id: ReaderId, now: Millis): void {
    this.#waiting = undefined;
    if (this.#readers.delete(id) && this.#readers.size === 0) this.emptySince = now;
  }

  /** Looks who waits since when. */
  watch(have: PieceSet, now: Millis): void {
    for (const reader of this.#readers.values()) {
      const isWaiting = reader.next < reader.end && !have.has(reader.next);
      if (isWaiting !== (reader.waitingSince !== undefined)) this.#waiting = undefined;
      if (isWaiting) reader.waitingSince ??= now;
      else {
        reader.waitingSince = undefined;
        reader.served ||= reader.next < reader.end;
      }
    }
  }

  /** Who waits, the most impatient first: the longest wait, then the smallest piece, then the oldest reader. */
  waiting(): readonly WaitingReader[] {
    this.#waiting ??= [...this.#readers.values()]
      .filter((reader): reader is WaitingReader => reader.waitingSince !== undefined)
      .sort((left, right) => left.waitingSince - right.waitingSince || left.next - right.next);
    return this.#waiting;
  }
}
