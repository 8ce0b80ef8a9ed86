import { taskId, type Task, type TaskId } from "@darner/domain";
import type { Timers } from "@darner/runtime";
import type { BlobStore, StoredBlob } from "../store/store.ts";

type Pin = { readonly blob: StoredBlob; readonly until: number; readonly cancel: () => void };

/** Keeps blobs from eviction for a time: what is held open is never evicted. A restart of the daemon ends all pins. */
export class Pins implements Disposable {
  readonly #store: Pick<BlobStore, "open">;
  readonly #timers: Timers;
  // At most one a blob of the store.
  readonly #pins = new Map<TaskId, Pin>();

  constructor(store: Pick<BlobStore, "open">, timers: Timers) {
    this.#store = store;
    this.#timers = timers;
  }

  /** Keeps a blob for `ms` from now on; a longer pin that is there stays. */
  pin(task: Task, ms: number): void {
    if (ms <= 0 || task.size === 0) return;
    const id = taskId(task);
    const until = this.#timers.now() + ms;
    const before = this.#pins.get(id);
    if (before !== undefined && before.until >= until) return;
    const blob = this.#store.open(task);
    if (blob === undefined) return;
    this.#end(id);
    const cancel = this.#timers.setTimeout(() => {
      this.#end(id);
    }, ms);
    this.#pins.set(id, { blob, until, cancel });
  }

  [Symbol.dispose](): void {
    for (const id of [...this.#pins.keys()]) this.#end(id);
  }

  #end(id: TaskId): void {
    const pin = this.#pins.get(id);
    if (pin === undefined) return;
    this.#pins.delete(id);
    pin.cancel();
    pin.blob[Symbol.dispose]();
  }
}
