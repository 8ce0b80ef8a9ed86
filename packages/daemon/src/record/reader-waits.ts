import type { PieceSet } from "@darner/domain";
import type { Origin, ReaderWait } from "./blob-account.ts";
import { MAX_WAITS } from "./limits.ts";

type Reader = { next: number; end: number; since: number | undefined };

/** How long readers stood still, and for which pieces. */
export class ReaderWaits {
  // One entry a response in flight; the mirror bounds its connections.
  readonly #readers = new Map<number, Reader>();
  // Bounded by MAX_WAITS, the longest first.
  #longest: ReaderWait[] = [];
  #waiting = 0;
  #waitingSince = 0;
  #waitedMs = 0;

  opened(reader: number, next: number, end: number, have: PieceSet, atMs: number): void {
    const entry = { next, end, since: undefined };
    this.#readers.set(reader, entry);
    this.#look(entry, have, atMs);
  }

  advanced(reader: number, next: number, have: PieceSet, atMs: number): void {
    const entry = this.#readers.get(reader);
    if (entry === undefined) return;
    entry.next = next;
    this.#look(entry, have, atMs);
  }

  closed(reader: number, atMs: number): void {
    const entry = this.#readers.get(reader);
    this.#readers.delete(reader);
    if (entry?.since !== undefined) this.#ended(atMs);
  }

  /** A piece came. */
  came(piece: number, from: Origin, atMs: number): void {
    for (const entry of this.#readers.values()) {
      if (entry.since === undefined || entry.next !== piece) continue;
      this.#note({ piece, atMs: entry.since, ms: atMs - entry.since, from });
      entry.since = undefined;
      this.#ended(atMs);
    }
  }

  /** While at least one reader stood still, up to now. */
  waitedMs(atMs: number): number {
    return this.#waitedMs + (this.#waiting > 0 ? atMs - this.#waitingSince : 0);
  }

  get longest(): readonly ReaderWait[] {
    return this.#longest;
  }

  #look(entry: Reader, have: PieceSet, atMs: number): void {
    const waits = entry.next < entry.end && !have.has(entry.next);
    if (waits === (entry.since !== undefined)) return;
    if (!waits) {
      entry.since = undefined;
      this.#ended(atMs);
      return;
    }
    entry.since = atMs;
    this.#waiting += 1;
    if (this.#waiting === 1) this.#waitingSince = atMs;
  }

  #ended(atMs: number): void {
    this.#waiting -= 1;
    if (this.#waiting === 0) this.#waitedMs += atMs - this.#waitingSince;
  }

  #note(wait: ReaderWait): void {
    if (wait.ms <= 0) return;
    this.#longest = [...this.#longest, wait].sort((left, right) => right.ms - left.ms).slice(0, MAX_WAITS);
  }
}
