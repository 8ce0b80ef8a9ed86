import type { Timers } from "./clock.ts";

/** A pure core as its body sees it. */
export interface Core<Event, Effect> {
  handle(event: Event, now: number): Effect[];
  nextDeadline(): number | undefined;
}

/** The only caller of a core: queues events that arise while effects are carried out, and wakes the core at its deadline. */
export class Mailbox<Event, Effect> implements Disposable {
  readonly #core: Core<Event, Effect>;
  readonly #timers: Timers;
  readonly #timePassed: Event;
  readonly #perform: (effects: readonly Effect[], event: Event) => void;
  // Not bounded by a number: it is empty again before `post` returns, and a core answers one event with finitely many.
  readonly #queue: Event[] = [];
  #running = false;
  #closed = false;
  #cancelTimer: (() => void) | undefined;
  // What the timer that runs is set to: a busy core's deadline seldom moves, and a timer for each of ten thousand events a second costs more than it is worth.
  #armedFor: number | undefined;

  constructor(core: Core<Event, Effect>, timers: Timers, timePassed: Event, perform: (effects: readonly Effect[], event: Event) => void) {
    this.#core = core;
    this.#timers = timers;
    this.#timePassed = timePassed;
    this.#perform = perform;
  }

  /** Gives an event to the core and carries out what it wants, before it returns. */
  post(event: Event): void {
    if (this.#closed) return;
    this.#queue.push(event);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        this.#perform(this.#core.handle(next, this.#timers.now()), next);
      }
    } finally {
      this.#running = false;
    }
    this.#arm();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#cancelTimer?.();
  }

  #arm(): void {
    const deadline = this.#core.nextDeadline();
    if (deadline === this.#armedFor) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#armedFor = deadline;
    if (deadline === undefined) return;
    const delayMs = Math.max(0, deadline - this.#timers.now());
    this.#cancelTimer = this.#timers.setTimeout(() => {
      this.#armedFor = undefined;
      this.post(this.#timePassed);
    }, delayMs);
  }
}
