/** Something that can be planned. */
export interface Happening {
  happen(): void;
}

const FIRST_CAPACITY = 1024;
// Four entries below each: half the levels of a binary heap, and the keys of four lie in one line of the processor's cache.
const BELOW = 4;

/** Virtual time: what is planned happens in order of its instant, on a tie in the order in which it was planned. */
export class Timeline {
  /** Now, in milliseconds. */
  now = 0;
  #order = 0;
  #size = 0;
  // A heap in two columns, the key of each place being its instant and its order: no object is made for an instant.
  #keys = new Float64Array(2 * FIRST_CAPACITY);
  readonly #happenings: (Happening | undefined)[] = [];

  /** Plans something at an instant; one in the past is now. */
  at(instant: number, happening: Happening): void {
    if (2 * this.#size === this.#keys.length) this.#grow();
    this.#order += 1;
    this.#rise(instant > this.now ? instant : this.now, this.#order, happening);
  }

  /** Plans something `inMs` from now. */
  after(inMs: number, happen: () => void): void {
    this.at(this.now + inMs, { happen });
  }

  /** Lets the next thing happen; false where nothing is planned before `end`. */
  step(end: number): boolean {
    const instant = this.#keys[0] ?? 0;
    if (this.#size === 0 || instant > end) return false;
    const next = this.#happenings[0];
    this.#removeFirst();
    this.now = instant;
    next?.happen();
    return true;
  }

  /** Puts an entry into the free place at the end and lets it rise. */
  #rise(instant: number, order: number, happening: Happening): void {
    const keys = this.#keys;
    let place = this.#size;
    this.#size += 1;
    while (place > 0) {
      const above = ((place - 1) / BELOW) | 0;
      const there = keys[2 * above] ?? 0;
      if (there < instant || (there === instant && (keys[2 * above + 1] ?? 0) < order)) break;
      this.#copy(above, place);
      place = above;
    }
    this.#put(place, instant, order, happening);
  }

  /** Takes the first entry out: the last one takes its place and sinks. */
  #removeFirst(): void {
    this.#size -= 1;
    const size = this.#size;
    const keys = this.#keys;
    const instant = keys[2 * size] ?? 0;
    const order = keys[2 * size + 1] ?? 0;
    const happening = this.#happenings[size];
    this.#happenings[size] = undefined;
    if (size === 0) return;
    let place = 0;
    for (let below = this.#firstOf(1, size); below !== 0; below = this.#firstOf(BELOW * place + 1, size)) {
      const there = keys[2 * below] ?? 0;
      if (there > instant || (there === instant && (keys[2 * below + 1] ?? 0) > order)) break;
      this.#copy(below, place);
      place = below;
    }
    this.#put(place, instant, order, happening);
  }

  /** The place of the first to happen among the entries from `place` on that lie below one; 0 where there are none. */
  #firstOf(place: number, size: number): number {
    if (place >= size) return 0;
    const keys = this.#keys;
    const end = Math.min(place + BELOW, size);
    let first = place;
    let instant = keys[2 * place] ?? 0;
    for (let other = place + 1; other < end; other++) {
      const there = keys[2 * other] ?? 0;
      if (there > instant || (there === instant && (keys[2 * other + 1] ?? 0) > (keys[2 * first + 1] ?? 0))) continue;
      first = other;
      instant = there;
    }
    return first;
  }

  #copy(from: number, to: number): void {
    this.#put(to, this.#keys[2 * from] ?? 0, this.#keys[2 * from + 1] ?? 0, this.#happenings[from]);
  }

  #put(place: number, instant: number, order: number, happening: Happening | undefined): void {
    this.#keys[2 * place] = instant;
    this.#keys[2 * place + 1] = order;
    this.#happenings[place] = happening;
  }

  #grow(): void {
    const keys = new Float64Array(2 * this.#keys.length);
    keys.set(this.#keys);
    this.#keys = keys;
  }
}
