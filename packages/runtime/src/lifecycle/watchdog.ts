import { url as inspectorUrl } from "node:inspector";
import { Worker } from "node:worker_threads";
import type { Logger } from "../log.ts";

export type WatchdogOptions = {
  /** How long the main loop may stand still; zero: no watchdog. */
  readonly seconds: number;
  /** Told where the watchdog itself fails. */
  readonly log: Logger;
};

/** A watchdog that looks after this process until it is disposed. */
export type Watchdog = Disposable & {
  /**
   * Says that the main loop is at work. Node answers all sockets that have something before it looks at its timers again: when ten thousand
   * hosts come back at once, that is one turn of many seconds and many short pieces of work, and no hang.
   */
  readonly beat: () => void;
};

type WatchdogTask = { readonly beats: Int32Array; readonly seconds: number; readonly beatMs: number };

// Four wake-ups a second cost nothing, and a hang is noticed at most a quarter of a second late.
const BEAT_MS = 250;

/**
 * Ends the process with SIGKILL when its main loop has stood still for `seconds`: to containerd a refused connection is harmless,
 * an accepted one that never answers costs it minutes. Time is counted in the worker's own ticks, which stand still together
 * with a process that is stopped or a machine that sleeps; time in which the main loop would run and gets no processor does not
 * count, as far as the kernel tells it (Linux): a busy machine is no hang. A process under a debugger is left alone.
 */
export function startWatchdog(options: WatchdogOptions): Watchdog {
  if (options.seconds === 0 || inspectorUrl() !== undefined) return { beat: () => {}, [Symbol.dispose]: () => {} };
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const task: WatchdogTask = { beats, seconds: options.seconds, beatMs: Math.min(BEAT_MS, options.seconds * 100) };
  const beat = (): void => void Atomics.add(beats, 0, 1);
  const beating = setInterval(beat, task.beatMs);
  // The function's own text: a file would load Node's TypeScript compiler into the thread, which is 18 MiB more for 20 lines.
  const worker = new Worker(`(${watch.toString()})();`, { eval: true, workerData: task, env: {}, execArgv: [] });
  worker.on("error", (error) => {
    options.log.error("watchdog ended, a hang will not be noticed", { error });
  });
  beating.unref();
  worker.unref();
  const dispose = (): void => {
    clearInterval(beating);
    // Nothing waits for a thread that holds nothing.
    void worker.terminate();
  };
  return { beat, [Symbol.dispose]: dispose };
}

/** What the worker runs, from its text alone: nothing from outside this function is there. */
function watch(): void {
  const threads = process.getBuiltinModule("node:worker_threads");
  const { readFileSync, write } = process.getBuiltinModule("node:fs");
  const { beats, seconds, beatMs } = threads.workerData as WatchdogTask;
  // Milliseconds that the main thread has waited for a processor since it began, the second number there; 0 where nobody tells.
  const waitedMs = (): number => {
    try {
      return Number(readFileSync(`/proc/self/task/${String(process.pid)}/schedstat`, "latin1").split(" ")[1] ?? 0) / 1e6;
    } catch {
      return 0;
    }
  };
  let last = Atomics.load(beats, 0);
  let missed = 0;
  let waitedBefore = waitedMs();
  setInterval(() => {
    const now = Atomics.load(beats, 0);
    if (now !== last) {
      last = now;
      missed = 0;
      waitedBefore = waitedMs();
      return;
    }
    missed += 1;
    if (missed * beatMs < seconds * 1000 || missed * beatMs - (waitedMs() - waitedBefore) < seconds * 1000) return;
    const message = "main loop stands still, process killed";
    const line = { level: "error", time: new Date().toISOString(), name: "watchdog", message, seconds };
    const kill = (): void => void process.kill(process.pid, "SIGKILL");
    // By a thread of the pool: standard error may be what the process hangs on, and then the line is lost, not the kill.
    write(2, `${JSON.stringify(line)}\n`, kill);
    setTimeout(kill, beatMs);
  }, beatMs);
}
