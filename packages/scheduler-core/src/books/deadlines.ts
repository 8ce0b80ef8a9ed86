import type { Swarm } from "./swarm.ts";

/** When which swarm is to be looked over: a binary heap, earliest first, with stale entries skipped. */
export class Deadlines {
  readonly #heap: { readonly at: number; readonly swarm: Swarm }[] = [];

  /** Wakes the swarm at `at`, or earlier where that was planned already. */
  plan(swarm: Swarm, at: number): void {
    if (swarm.wakeAt !== undefined && swarm.wakeAt <= at) return;
    swarm.wakeAt = at;
    this.#push({ at, swarm });
  }

  cancel(swarm: Swarm): void {
    swarm.wakeAt = undefined;
  }

  /** The next instant at which something is due. */
  next(): number | undefined {
    this.#dropStale();
    return this.#heap[0]?.at;
  }

  /** Takes out one swarm that is due. */
  due(now: number): Swarm | undefined {
    this.#dropStale();
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.#pop();
    first.swarm.wakeAt = undefined;
    return first.swarm;
  }

  get size(): number {
    return this.#heap.length;
  }

  #dropStale(): void {
    for (let first = this.#heap[0]; first !== undefined && first.swarm.wakeAt !== first.at; first = this.#heap[0]) this.#pop();
  }

  #push(entry: { readonly at: number; readonly swarm: Swarm }): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || parent.at <= entry.at) break;
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
      const takeRight = right !== undefined && right.at < left.at;
      const child = takeRight ? right : left;
      if (last.at <= child.at) break;
      heap[index] = child;
      index = 2 * index + (takeRight ? 2 : 1);
    }
    heap[index] = last;
  }
}
