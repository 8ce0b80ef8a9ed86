import type { Timeline } from "./timeline.ts";

/** The clock of one process: goes with virtual time, jumps when it is told to, and never goes back. */
export class VirtualClock {
  readonly #timeline: Timeline;
  #aheadMs = 0;
  // What it showed when it last jumped: until virtual time has caught up with that it stands still.
  #least = 0;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  get now(): number {
    return Math.max(this.#least, this.#timeline.now + this.#aheadMs);
  }

  /** Goes ahead at once; by less than 0: stands still until virtual time has caught up. */
  jump(byMs: number): void {
    this.#least = this.now;
    this.#aheadMs += byMs;
  }

  /** How long until it shows `instant`. */
  until(instant: number): number {
    return Math.max(0, instant - this.#timeline.now - this.#aheadMs);
  }
}
