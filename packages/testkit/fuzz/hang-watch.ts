import { Worker } from "node:worker_threads";

/** What both threads see: how many inputs were begun, and the last of them with its length. */
export type WatchedRun = { readonly target: string; readonly begun: Int32Array; readonly length: Int32Array; readonly bytes: Uint8Array };

// Longer inputs are told of by their beginning; none of the targets makes any.
const MAX_INPUT_BYTES = 256 * 1024;

/** Looks after a run from another thread: who is caught in an input for ever says nothing by itself. */
export class HangWatch implements AsyncDisposable {
  readonly #run: WatchedRun;
  readonly #worker: Worker;

  /** `hangMs`: so much processor time for one input is no answer any more. Such a process says which input it is, and ends. */
  constructor(target: string, hangMs: number) {
    const begun = new Int32Array(new SharedArrayBuffer(4));
    const length = new Int32Array(new SharedArrayBuffer(4));
    const bytes = new Uint8Array(new SharedArrayBuffer(MAX_INPUT_BYTES));
    this.#run = { target, begun, length, bytes };
    this.#worker = new Worker(new URL("hang-watch.worker.ts", import.meta.url), { workerData: { run: this.#run, hangMs }, execArgv: [] });
    this.#worker.unref();
  }

  /** The next input is begun. */
  note(input: Uint8Array): void {
    const { begun, length, bytes } = this.#run;
    bytes.set(input.subarray(0, MAX_INPUT_BYTES));
    length[0] = Math.min(input.length, MAX_INPUT_BYTES);
    Atomics.add(begun, 0, 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
