import { url as inspectorUrl } from "node:inspector";
import { Worker } from "node:worker_threads";
import type { Logger } from "../log.ts";

export type WatchdogOptions = {
  /** How long the main loop may stand still; zero: no watchdog. */
  readonly seconds: number;
  readonly log?: Logger;
};

/** What the worker is given. */
export type WatchdogTask = { readonly beats: SharedArrayBuffer; readonly seconds: number; readonly beatMs: number };

// A quarter of a second: twenty chances within the default of 5 s, and four wake-ups a second cost nothing.
const BEAT_MS = 250;

// The worker runs a dozen lines, but Node takes the types off them first: below 16 MiB that sometimes runs out of memory.
const WORKER_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 };

/**
 * Ends the process with SIGKILL when its main loop has stood still for `seconds`: to containerd a refused connection is harmless,
 * an accepted one that never answers costs it minutes. Time is counted in the worker's own ticks, which stand still together
 * with a process that is stopped or a machine that sleeps. A process under a debugger is left alone.
 */
export function startWatchdog(options: WatchdogOptions): Disposable {
  if (options.seconds === 0 || inspectorUrl() !== undefined) return { [Symbol.dispose]: () => {} };
  const beats = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const counter = new Int32Array(beats);
  const task: WatchdogTask = { beats, seconds: options.seconds, beatMs: Math.min(BEAT_MS, options.seconds * 200) };
  const beating = setInterval(() => Atomics.add(counter, 0, 1), task.beatMs);
  const worker = new Worker(new URL("./watchdog-worker.ts", import.meta.url), {
    workerData: task,
    resourceLimits: WORKER_LIMITS,
    env: {},
    execArgv: [],
  });
  worker.on("error", (error) => options.log?.error("watchdog ended, a hang will not be noticed", { error }));
  beating.unref();
  worker.unref();
  const dispose = (): void => {
    clearInterval(beating);
    // It is only told to end here: nothing waits for a thread that holds nothing.
    void worker.terminate();
  };
  return { [Symbol.dispose]: dispose };
}
