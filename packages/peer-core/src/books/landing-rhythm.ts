import type { Millis } from "../limits.ts";

// Enough for a steady median, few enough to follow a link that became slower.
const REMEMBERED = 31;
// A median of so many hardly changes with one more: it is sorted anew for every fourth.
const SORTED_EVERY = 4;

/** How often pieces land: the times between the last of them. */
export class LandingRhythm {
  readonly #intervals: Millis[] = [];
  #lastAt: Millis | undefined;
  #median: Millis | undefined;
  #unsorted = 0;

  /** Notes that a piece landed. */
  beat(now: Millis): void {
    if (this.#lastAt !== undefined) {
      this.#intervals.push(now - this.#lastAt);
      if (this.#intervals.length > REMEMBERED) this.#intervals.shift();
      this.#unsorted += 1;
      if (this.#unsorted >= SORTED_EVERY || this.#intervals.length <= SORTED_EVERY) this.#median = undefined;
    }
    this.#lastAt = now;
  }

  /** The median time between two pieces; 0 before there were two. */
  median(): Millis {
    if (this.#median === undefined) this.#unsorted = 0;
    this.#median ??= this.#intervals.toSorted((left, right) => left - right)[this.#intervals.length >> 1] ?? 0;
    return this.#median;
  }
}
