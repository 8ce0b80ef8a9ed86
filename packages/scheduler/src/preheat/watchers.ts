import type { Job } from "@darner/preheat";

type Watcher = { next: Job | undefined; ended: boolean; wake: () => void };

/** Those who watch jobs. A watcher that is slow sees the newest state only, so that nothing piles up. */
export class Watchers {
  // Bounded by the connections of the HTTP side.
  readonly #watchers = new Map<number, Set<Watcher>>();

  /** The job now and after each change, until it is over, forgotten, or the signal says so. */
  async *watch(id: number, now: Job | undefined, signal: AbortSignal): AsyncIterable<Job> {
    if (now === undefined) return;
    const watcher: Watcher = { next: now, ended: false, wake: () => undefined };
    const all = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, all.add(watcher));
    const leave = (): void => {
      watcher.ended = true;
      watcher.wake();
    };
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    try {
      for (;;) {
        const { next } = watcher;
        watcher.next = undefined;
        if (next !== undefined) yield next;
        if (next?.finishedAt !== undefined || !(await hasNews(watcher))) return;
      }
    } finally {
      signal.removeEventListener("abort", leave);
      all.delete(watcher);
      if (all.size === 0 && this.#watchers.get(id) === all) this.#watchers.delete(id);
    }
  }

  tell(job: Job): void {
    for (const watcher of this.#watchers.get(job.id) ?? []) {
      watcher.next = job;
      watcher.wake();
    }
  }

  end(id: number): void {
    for (const watcher of this.#watchers.get(id) ?? []) {
      watcher.ended = true;
      watcher.wake();
    }
  }

  close(): void {
    for (const id of this.#watchers.keys()) this.end(id);
  }
}

/** Waits for the next state; false where there will be none. */
async function hasNews(watcher: Watcher): Promise<boolean> {
  if (watcher.next === undefined && !watcher.ended) {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    watcher.wake = () => {
      resolve(undefined);
    };
    await promise;
  }
  return watcher.next !== undefined;
}
