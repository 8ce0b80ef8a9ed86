const FIRST_CAPACITY = 64;
// Four entries below each: half the levels of a binary heap, and the keys of four lie in two lines of the processor's cache.
const BELOW = 4;

/** Things in order of their instant, on a tie in the order in which they were added. */
export class TimeQueue<Thing> {
  #size = 0;
  #order = 0;
  // A heap in two columns, the key of each place being its instant and its order: no object is made for an entry.
  #keys = new Float64Array(2 * FIRST_CAPACITY);
  readonly #things: (Thing | undefined)[] = [];

  get size(): number {
    return this.#size;
  }

  /** When the first one is due; infinite where there is none. */
  get firstAt(): number {
    return this.#size === 0 ? Infinity : (this.#keys[0] ?? Infinity);
  }

  /** The first one; undefined where there is none. */
  get first(): Thing | undefined {
    return this.#things[0];
  }

  add(at: number, thing: Thing): void {
    if (2 * this.#size === this.#keys.length) this.#grow();
    const keys = this.#keys;
    this.#order += 1;
    let place = this.#size;
    this.#size += 1;
    while (place > 0) {
      const above = ((place - 1) / BELOW) | 0;
      // The latest added comes after all of the same instant.
      if ((keys[2 * above] ?? 0) <= at) break;
      this.#copy(above, place);
      place = above;
    }
    this.#put(place, at, this.#order, thing);
  }

  /** Takes the first one out: the last one takes its place and sinks. */
  take(): Thing | undefined {
    if (this.#size === 0) return undefined;
    const taken = this.#things[0];
    this.#size -= 1;
    const size = this.#size;
    const keys = this.#keys;
    const at = keys[2 * size] ?? 0;
    const order = keys[2 * size + 1] ?? 0;
    const thing = this.#things[size];
    this.#things[size] = undefined;
    if (size === 0) return taken;
    let place = 0;
    for (let below = this.#firstFrom(1); below !== 0; below = this.#firstFrom(BELOW * place + 1)) {
      const there = keys[2 * below] ?? 0;
      if (there > at || (there === at && (keys[2 * below + 1] ?? 0) > order)) break;
      this.#copy(below, place);
      place = below;
    }
    this.#put(place, at, order, thing);
    return taken;
  }

  /** The place of the first among the entries that lie together from `place` on; 0 where there are none. */
  #firstFrom(place: number): number {
    if (place >= this.#size) return 0;
    const keys = this.#keys;
    const end = Math.min(place + BELOW, this.#size);
    let first = place;
    let at = keys[2 * place] ?? 0;
    for (let other = place + 1; other < end; other++) {
      const there = keys[2 * other] ?? 0;
      if (there > at || (there === at && (keys[2 * other + 1] ?? 0) > (keys[2 * first + 1] ?? 0))) continue;
      first = other;
      at = there;
    }
    return first;
  }

  #copy(from: number, to: number): void {
    this.#put(to, this.#keys[2 * from] ?? 0, this.#keys[2 * from + 1] ?? 0, this.#things[from]);
  }

  #put(place: number, at: number, order: number, thing: Thing | undefined): void {
    this.#keys[2 * place] = at;
    this.#keys[2 * place + 1] = order;
    this.#things[place] = thing;
  }

  #grow(): void {
    const keys = new Float64Array(2 * this.#keys.length);
    keys.set(this.#keys);
    this.#keys = keys;
  }
}
