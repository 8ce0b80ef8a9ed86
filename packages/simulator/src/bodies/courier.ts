import type { Happening, Timeline } from "../engine/timeline.ts";

/** Carries what one side says to the other: what it says in one turn of its event loop travels in one message, as in the real bodies. */
export class Courier<Thing> {
  readonly #timeline: Timeline;
  readonly #latencyMs: number;
  readonly #deliver: (things: readonly Thing[]) => void;
  #open: Message<Thing> | undefined;
  /** Messages sent. */
  messages = 0;

  constructor(timeline: Timeline, latencyMs: number, deliver: (things: readonly Thing[]) => void) {
    this.#timeline = timeline;
    this.#latencyMs = latencyMs;
    this.#deliver = deliver;
  }

  say(thing: Thing): void {
    const { now } = this.#timeline;
    if (this.#open?.saidAt === now && !this.#open.isThere) {
      this.#open.things.push(thing);
      return;
    }
    this.messages += 1;
    this.#open = new Message(now, thing, this.#deliver);
    this.#timeline.at(now + this.#latencyMs, this.#open);
  }
}

class Message<Thing> implements Happening {
  readonly saidAt: number;
  readonly things: Thing[];
  isThere = false;
  readonly #deliver: (things: readonly Thing[]) => void;

  constructor(saidAt: number, thing: Thing, deliver: (things: readonly Thing[]) => void) {
    this.saidAt = saidAt;
    this.things = [thing];
    this.#deliver = deliver;
  }

  happen(): void {
    this.isThere = true;
    this.#deliver(this.things);
  }
}
