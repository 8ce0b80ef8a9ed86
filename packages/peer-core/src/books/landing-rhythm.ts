import type { Millis } from "../limits.ts";

// Enough for a steady median, few enough to follow a link that became slower.
const REMEMBERED = 31;

/** How often pieces land: the times between the last of them. */
export class LandingRhythm {
  readonly #intervals: Millis[] = [];
  #lastAt: Millis | undefined;
  #median: Millis | undefined;

  /** Notes that a piece landed. */
  beat(now: Millis): void {
    if (this.#lastAt !== undefined) {
      this.#intervals.push(now - this.#lastAt);
      if (this.#intervals.length > REMEMBERED) this.#intervals.shift();
      this.#median = undefined;
    }
    this.#lastAt = now;
  }

  /** The median time between two pieces; 0 before there were two. */
  median(): Millis {
    this.#median ??= this.#intervals.toSorted((left, right) => left - right)[this.#intervals.length >> 1] ?? 0;
    return this.#median;
  }
}
