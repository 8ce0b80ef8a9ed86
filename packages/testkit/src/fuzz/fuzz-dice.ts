/** Seeded dice: the same seed throws the same numbers on every machine (mulberry32, public domain). */
export class FuzzDice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `sides` - 1. */
  below(sides: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * sides);
  }

  /** True once in `times` throws. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  /** One of several. */
  pick<T>(several: readonly T[]): T {
    if (several.length === 0) throw new RangeError("nothing to pick from");
    return several[this.below(several.length)] as T;
  }

  /** Up to `most` of several, each anew. */
  some<T>(several: readonly T[], most: number): T[] {
    return Array.from({ length: this.below(most + 1) }, () => this.pick(several));
  }
}
