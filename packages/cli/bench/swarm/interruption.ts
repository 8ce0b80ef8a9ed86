import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** While it lives, a signal does not end this process but asks it to stop; every further one is told that this takes its time. */
export type Interruption = Disposable & {
  /** Aborted by the first signal, which is its reason's name. */
  readonly asked: AbortSignal;
  /** Ends this process as the signal would have done; nothing where there was none. */
  readonly endLikeIt: () => void;
};

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
// What is asked to end by then and has not hangs.
const END_MS = 10_000;
const LOOK_AGAIN_MS = 20;

/** Listens for signals from now on; `tell` gets a line for the one who sent them. */
export function openInterruption(tell: (line: string) => void): Interruption {
  const controller = new AbortController();
  let first: NodeJS.Signals | undefined;
  const ask = (signal: NodeJS.Signals): void => {
    if (first !== undefined) {
      tell(`${signal} again: still taking down what was started`);
      return;
    }
    first = signal;
    tell(`${signal}: taking down what was started`);
    // At once and all together: what is asked one by one takes long.
    signalAll(children(), "SIGTERM");
    controller.abort(new Error(`interrupted by ${signal}`));
  };
  const stop = (): void => {
    for (const signal of SIGNALS) process.off(signal, ask);
  };
  for (const signal of SIGNALS) process.on(signal, ask);
  return {
    asked: controller.signal,
    endLikeIt: () => {
      stop();
      if (first !== undefined) process.kill(process.pid, first);
    },
    [Symbol.dispose]: stop,
  };
}

/** What `work` comes to, unless the interruption is asked for first: then this rejects, and the rest of the work is in nobody's hands. */
export async function unlessAsked<T>(asked: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: never, reject } = Promise.withResolvers<never>();
  const stop = (): void => {
    reject(asked.reason as Error);
  };
  asked.addEventListener("abort", stop);
  if (asked.aborted) stop();
  try {
    return await Promise.race([work, never]);
  } finally {
    asked.removeEventListener("abort", stop);
  }
}

/** Ends the processes that this one has started so far, also those that nobody holds yet, and waits for them. */
export async function endChildren(): Promise<void> {
  const told = children();
  signalAll(told, "SIGTERM");
  const left = (): number[] => children().filter((child) => told.includes(child));
  const giveUpAt = performance.now() + END_MS;
  while (left().length > 0 && performance.now() < giveUpAt) await sleep(LOOK_AGAIN_MS);
  signalAll(left(), "SIGKILL");
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const child of pids) {
    try {
      process.kill(child, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // it has ended since
    }
  }
}

function children(): number[] {
  const pid = String(process.pid);
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}
