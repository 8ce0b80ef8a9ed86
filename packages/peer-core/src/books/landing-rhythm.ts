import type { Millis } from "../limits.ts";

// Enough for a steady median, few enough to follow a link that became slower.
const REMEMBERED = 31;
// A median of so many hardly changes with one more: it is sorted anew for every fourth.
const SORTED_EVERY = 4;

/** How often pieces land: the times between the last of them. */
export class LandingRhythm {
  // A ring: the oldest goes when it is full.
  readonly #intervals = new Float64Array(REMEMBERED);
  #count = 0;
  #lastAt = NaN;
  #median = 0;
  #isSorted = true;
  #unsorted = 0;
  #firstAt: Millis = NaN;

  /** Notes that a piece landed. */
  beat(now: Millis): void {
    if (!Number.isNaN(this.#lastAt)) {
      this.#intervals[this.#count % REMEMBERED] = now - this.#lastAt;
      this.#count += 1;
      this.#unsorted += 1;
      if (this.#unsorted >= SORTED_EVERY || this.#count <= SORTED_EVERY) this.#isSorted = false;
    }
    if (Number.isNaN(this.#firstAt)) this.#firstAt = now;
    this.#lastAt = now;
  }

  /** How long so many pieces took on average since the first one; infinite before there were two. */
  usual(pieces: number): Millis {
    return this.#count === 0 ? Infinity : (pieces * (this.#lastAt - this.#firstAt)) / this.#count;
  }

  /** The median time between two pieces; 0 before there were two. */
  median(): Millis {
    if (this.#isSorted) return this.#median;
    const intervals = this.#intervals.slice(0, Math.min(this.#count, REMEMBERED)).sort();
    this.#median = intervals[intervals.length >> 1] ?? 0;
    this.#isSorted = true;
    this.#unsorted = 0;
    return this.#median;
  }
}
