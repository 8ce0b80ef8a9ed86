/** Something that can be planned. */
export interface Happening {
  happen(): void;
}

const FIRST_CAPACITY = 1024;

/** Virtual time: what is planned happens in order of its instant, on a tie in the order in which it was planned. */
export class Timeline {
  /** Now, in milliseconds. */
  now = 0;
  #order = 0;
  #size = 0;
  // A binary heap in three columns: typed arrays keep a swarm of ten thousand from making an object for every instant.
  #instants = new Float64Array(FIRST_CAPACITY);
  #orders = new Float64Array(FIRST_CAPACITY);
  readonly #happenings: (Happening | undefined)[] = [];

  /** Plans something at an instant; one in the past is now. */
  at(instant: number, happening: Happening): void {
    if (this.#size === this.#instants.length) this.#grow();
    this.#order += 1;
    this.#rise(Math.max(this.now, instant), this.#order, happening);
  }

  /** Plans something `inMs` from now. */
  after(inMs: number, happen: () => void): void {
    this.at(this.now + inMs, { happen });
  }

  /** Lets the next thing happen; false where nothing is planned before `end`. */
  step(end: number): boolean {
    const instant = this.#instants[0] ?? 0;
    if (this.#size === 0 || instant > end) return false;
    const next = this.#happenings[0];
    this.#removeFirst();
    this.now = instant;
    next?.happen();
    return true;
  }

  /** Puts an entry into the free place at the end and lets it rise. */
  #rise(instant: number, order: number, happening: Happening): void {
    let place = this.#size;
    this.#size += 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (!this.#isAfter(above, instant, order)) break;
      this.#copy(above, place);
      place = above;
    }
    this.#put(place, instant, order, happening);
  }

  /** Takes the first entry out: the last one takes its place and sinks. */
  #removeFirst(): void {
    this.#size -= 1;
    const size = this.#size;
    const instant = this.#instants[size] ?? 0;
    const order = this.#orders[size] ?? 0;
    const happening = this.#happenings[size];
    this.#happenings[size] = undefined;
    if (size === 0) return;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= size) break;
      if (below + 1 < size && this.#isAfter(below, this.#instants[below + 1] ?? 0, this.#orders[below + 1] ?? 0)) below += 1;
      if (this.#isAfter(below, instant, order)) break;
      this.#copy(below, place);
      place = below;
    }
    this.#put(place, instant, order, happening);
  }

  /** Whether the entry at `place` comes after (`instant`, `order`). */
  #isAfter(place: number, instant: number, order: number): boolean {
    const there = this.#instants[place] ?? 0;
    return there > instant || (there === instant && (this.#orders[place] ?? 0) > order);
  }

  #copy(from: number, to: number): void {
    this.#put(to, this.#instants[from] ?? 0, this.#orders[from] ?? 0, this.#happenings[from]);
  }

  #put(place: number, instant: number, order: number, happening: Happening | undefined): void {
    this.#instants[place] = instant;
    this.#orders[place] = order;
    this.#happenings[place] = happening;
  }

  #grow(): void {
    const instants = new Float64Array(2 * this.#instants.length);
    const orders = new Float64Array(2 * this.#orders.length);
    instants.set(this.#instants);
    orders.set(this.#orders);
    this.#instants = instants;
    this.#orders = orders;
  }
}
