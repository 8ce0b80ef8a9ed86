import type { Clock } from "@darner/runtime";

// A slice of each kind of work: some fifty messages heard, a hundred sent. Whoever asks for a blob while all hosts do waits for two or three of them.
const SLICE_MS = 4;
// How long sockets and timers are not served: far below the seconds in which a sign of life is to be answered.
const TURN_MS = 20;
// However long hearing took: what is to be said gets on.
const LEAST_SAID = 8;

/** Somebody with work to be done in slices. */
export interface Worker {
  /** Handles one thing it heard; whether more waits. */
  hearOne(): boolean;
  /** Sends what it has to say. */
  say(): void;
}

/**
 * What all sessions heard and have to say, worked off in slices. A thousand hosts that speak at once are a second of work: done in one go,
 * sockets and timers are not served meanwhile, signs of life go unanswered, and both ends give up sessions of hosts that are well. So the
 * event loop breathes between two slices, sessions are heard in turns, one message each, and what somebody waits for is said first.
 */
export class Slices {
  readonly #clock: Clock;
  // Each holds a session at most once; a set gives its entries in the order in which they came.
  readonly #heard = new Set<Worker>();
  readonly #urgent = new Set<Worker>();
  readonly #later = new Set<Worker>();
  #isPlanned = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A session heard something. */
  hear(worker: Worker): void {
    this.#heard.add(worker);
    this.#plan();
  }

  /** A session has something to say; `isAwaited`: its host cannot go on without. */
  say(worker: Worker, isAwaited: boolean): void {
    if (isAwaited) {
      this.#later.delete(worker);
      this.#urgent.add(worker);
    } else if (!this.#urgent.has(worker)) {
      this.#later.add(worker);
    }
    this.#plan();
  }

  /** A session is over. */
  leave(worker: Worker): void {
    for (const waiting of [this.#heard, this.#urgent, this.#later]) waiting.delete(worker);
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.#work();
      if (this.#waits) this.#plan();
    });
  }

  #work(): void {
    const until = this.#clock.now() + TURN_MS;
    do {
      this.#hearSome();
      this.#saySome();
    } while (this.#waits && this.#clock.now() < until);
  }

  get #waits(): boolean {
    return this.#heard.size + this.#urgent.size + this.#later.size > 0;
  }

  #hearSome(): void {
    const until = this.#clock.now() + SLICE_MS;
    for (const worker of this.#heard) {
      this.#heard.delete(worker);
      if (worker.hearOne()) this.#heard.add(worker);
      if (this.#clock.now() >= until) return;
    }
  }

  #saySome(): void {
    const until = this.#clock.now() + SLICE_MS;
    let said = 0;
    for (const waiting of [this.#urgent, this.#later]) {
      for (const worker of waiting) {
        if (said >= LEAST_SAID && this.#clock.now() >= until) return;
        waiting.delete(worker);
        worker.say();
        said += 1;
      }
    }
  }
}
