import { TimeQueue } from "@darner/domain";
import type { Swarm } from "./swarm.ts";

/** When which swarm is to be looked over, with stale entries skipped. */
export class Deadlines {
  // At most one entry a swarm that is not stale, and a stale one for each time it was planned earlier than before.
  readonly #planned = new TimeQueue<Swarm>();

  /** Wakes the swarm at `at`, or earlier where that was planned already. */
  plan(swarm: Swarm, at: number): void {
    if (swarm.wakeAt !== undefined && swarm.wakeAt <= at) return;
    swarm.wakeAt = at;
    this.#planned.add(at, swarm);
  }

  cancel(swarm: Swarm): void {
    swarm.wakeAt = undefined;
  }

  /** The next instant at which something is due. */
  next(): number | undefined {
    this.#dropStale();
    return this.#planned.size === 0 ? undefined : this.#planned.firstAt;
  }

  /** Takes out one swarm that is due. */
  due(now: number): Swarm | undefined {
    this.#dropStale();
    if (this.#planned.firstAt > now) return undefined;
    const swarm = this.#planned.take();
    if (swarm !== undefined) swarm.wakeAt = undefined;
    return swarm;
  }

  get size(): number {
    return this.#planned.size;
  }

  #dropStale(): void {
    const planned = this.#planned;
    for (let first = planned.first; first !== undefined && first.wakeAt !== planned.firstAt; first = planned.first) planned.take();
  }
}
