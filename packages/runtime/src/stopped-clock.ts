import type { CancelTimer, Timers } from "./clock.ts";

type Pending = { readonly dueAt: number; readonly run: () => void };

/** A clock for tests: time passes by `advance` only, and timers fire in the order they are due. */
export class StoppedClock implements Timers {
  readonly #pending = new Set<Pending>();
  #now = 0;

  now(): number {
    return this.#now;
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#pending.size;
  }

  setTimeout(run: () => void, ms: number): CancelTimer {
    const timer = { dueAt: this.#now + ms, run };
    this.#pending.add(timer);
    return () => {
      this.#pending.delete(timer);
    };
  }

  /** Lets `ms` milliseconds pass, firing what becomes due on the way, also timers set by those that fire. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#nextDue(end); next !== undefined; next = this.#nextDue(end)) {
      this.#pending.delete(next);
      this.#now = Math.max(this.#now, next.dueAt);
      next.run();
    }
    this.#now = end;
  }

  #nextDue(end: number): Pending | undefined {
    let first: Pending | undefined;
    for (const timer of this.#pending) if (timer.dueAt <= end && (first === undefined || timer.dueAt < first.dueAt)) first = timer;
    return first;
  }
}
