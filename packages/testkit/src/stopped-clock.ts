import type { CancelTimer, Timers } from "@darner/runtime";

type Due = { readonly at: number; readonly run: () => void };

/** A clock that stands still until a test moves it, with the timers that wait on it. */
export class StoppedClock implements Timers {
  #now: number;
  readonly #due = new Set<Due>();

  constructor(now = 0) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  /** Timers that have not fired. */
  get waiting(): number {
    return this.#due.size;
  }

  setTimeout(run: () => void, ms: number): CancelTimer {
    const due: Due = { at: this.#now + Math.max(0, ms), run };
    this.#due.add(due);
    return () => void this.#due.delete(due);
  }

  /** Moves the time on and fires what comes due on the way, each at its own time, in the order it was set. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#due.delete(next);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }

  #next(end: number): Due | undefined {
    let first: Due | undefined;
    for (const due of this.#due) if (due.at <= end && (first === undefined || due.at < first.at)) first = due;
    return first;
  }
}
