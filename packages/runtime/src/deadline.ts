import { systemClock } from "./clock.ts";
import type { CancelTimer, Timers } from "./clock.ts";

/**
 * A point in time after which `signal` is aborted with a `TimeoutError` (a DOMException, as `AbortSignal.timeout` has it);
 * a parent signal aborts it earlier, with the parent's reason. Dispose it when the work is done.
 */
export class Deadline implements Disposable {
  readonly #timers: Timers;
  readonly #dueAt: number;
  readonly #controller = new AbortController();
  readonly #cancel: CancelTimer;
  readonly #parent: AbortSignal | undefined;
  readonly #onParentAbort = (): void => {
    this.#end(this.#parent?.reason);
  };

  constructor(ms: number, parent?: AbortSignal, timers: Timers = systemClock) {
    this.#timers = timers;
    this.#dueAt = timers.now() + ms;
    this.#parent = parent;
    this.#cancel = timers.setTimeout(() => {
      this.#end(new DOMException(`not done within ${String(ms)} ms`, "TimeoutError"));
    }, ms);
    if (parent?.aborted === true) this.#onParentAbort();
    else parent?.addEventListener("abort", this.#onParentAbort, { once: true });
  }

  /** Aborted at the deadline, or with the parent. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Milliseconds left, never below zero. */
  get remainingMs(): number {
    return Math.max(0, this.#dueAt - this.#timers.now());
  }

  #end(reason: unknown): void {
    this[Symbol.dispose]();
    this.#controller.abort(reason);
  }

  /** Stops the timer and leaves the parent; the signal stays as it is. */
  [Symbol.dispose](): void {
    this.#cancel();
    this.#parent?.removeEventListener("abort", this.#onParentAbort);
  }
}
