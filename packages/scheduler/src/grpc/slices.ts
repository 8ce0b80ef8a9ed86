import type { Clock } from "@darner/runtime";

// Some fifty messages.
const HEAR_MS = 4;
// Some fifty messages, and six times as long until HTTP/2 and TLS have written them: that is another tenth of a millisecond each.
const SAY_MS = 2;
// However long hearing took: what somebody waits for gets on.
const LEAST_SAID = 8;
// What nobody waits for goes in company of at most so many, written in two milliseconds: who asks for a blob while a thousand hosts are dealt
// theirs waits for one such turn, or two. What comes up for the same host meanwhile travels in the same message.
const FEW_AT_ONCE = 16;
// While more is to be heard sockets and timers are not served for so long: each breath has a price, and who is behind is to catch up.
const TURN_MS = 20;

/** Somebody with work to be done in slices. */
export interface Worker {
  /** Handles one thing it heard; whether more waits. */
  hearOne(): boolean;
  /** Sends what it has to say. */
  say(): void;
}

/** How soon something is to be said. */
export type Haste =
  /** Its host cannot go on without. */
  | "awaited"
  /** Dealt to many hosts at once, for when they are done with what they have. */
  | "ahead"
  /** Nobody waits for it. */
  | "later";

/**
 * What all sessions heard and have to say, worked off in slices. A thousand hosts that speak at once are a second of work, and what is dealt to
 * a thousand at once a tenth of one: done in one go, sockets and timers are not served meanwhile, signs of life go unanswered, and both ends
 * give up sessions of hosts that are well. So the event loop breathes, sessions are heard in turns, one message each, and what somebody waits for
 * is said first.
 */
export class Slices {
  readonly #clock: Clock;
  // Each session is in each at most once, and waits to say something in one of three; a set gives its entries in the order in which they came.
  readonly #heard = new Set<Worker>();
  readonly #toSay: Readonly<Record<Haste, Set<Worker>>> = { awaited: new Set(), ahead: new Set(), later: new Set() };
  #isPlanned = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A session heard something. */
  hear(worker: Worker): void {
    this.#heard.add(worker);
    this.#plan();
  }

  /** A session has something to say; all it has to say goes with what is awaited most. */
  say(worker: Worker, haste: Haste): void {
    const { awaited, ahead, later } = this.#toSay;
    if (awaited.has(worker) || (haste !== "awaited" && ahead.has(worker))) return;
    for (const waiting of [ahead, later]) waiting.delete(worker);
    this.#toSay[haste].add(worker);
    this.#plan();
  }

  /** A session is over. */
  leave(worker: Worker): void {
    for (const waiting of [this.#heard, ...Object.values(this.#toSay)]) waiting.delete(worker);
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      const until = this.#clock.now() + TURN_MS;
      do {
        this.#hearSome();
        this.#saySome();
      } while (this.#heard.size > 0 && this.#clock.now() < until);
      if (this.#waits) this.#plan();
    });
  }

  get #waits(): boolean {
    const { awaited, ahead, later } = this.#toSay;
    return this.#heard.size + awaited.size + ahead.size + later.size > 0;
  }

  #hearSome(): void {
    const until = this.#clock.now() + HEAR_MS;
    for (const worker of this.#heard) {
      this.#heard.delete(worker);
      if (worker.hearOne()) this.#heard.add(worker);
      if (this.#clock.now() >= until) return;
    }
  }

  #saySome(): void {
    const { awaited, ahead, later } = this.#toSay;
    const until = this.#clock.now() + SAY_MS;
    sayOf(awaited, (said) => said < LEAST_SAID || this.#clock.now() < until);
    for (const waiting of [ahead, later]) sayOf(waiting, (said) => said < FEW_AT_ONCE);
  }
}

function sayOf(waiting: Set<Worker>, goesOn: (said: number) => boolean): void {
  let said = 0;
  for (const worker of waiting) {
    if (!goesOn(said)) return;
    waiting.delete(worker);
    worker.say();
    said += 1;
  }
}
