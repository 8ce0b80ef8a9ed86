/** Something that happens at an instant of virtual time. */
type Happening = { readonly at: number; readonly order: number; readonly happen: () => void };

/** Virtual time: what is planned happens in order of its instant, on a tie in the order in which it was planned. */
export class Timeline {
  /** Now, in milliseconds. */
  now = 0;
  #order = 0;
  readonly #heap: Happening[] = [];

  /** Plans something `inMs` from now. */
  after(inMs: number, happen: () => void): void {
    this.#push({ at: this.now + Math.max(0, inMs), order: (this.#order += 1), happen });
  }

  /** Lets the next thing happen; false where nothing is planned before `end`. */
  step(end: number): boolean {
    const next = this.#heap[0];
    if (next === undefined || next.at > end) return false;
    this.#pop();
    this.now = next.at;
    next.happen();
    return true;
  }

  /** How many things are planned. */
  get planned(): number {
    return this.#heap.length;
  }

  #push(entry: Happening): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, entry)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      if (left === undefined) break;
      const takeRight = right !== undefined && isBefore(right, left);
      const child = takeRight ? right : left;
      if (isBefore(last, child)) break;
      heap[index] = child;
      index = 2 * index + (takeRight ? 2 : 1);
    }
    heap[index] = last;
  }
}

function isBefore(left: Happening, right: Happening): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
