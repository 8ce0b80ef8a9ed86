/** Tells the time: milliseconds that only ever grow, from an arbitrary start (never the time of day). */
export interface Clock {
  now(): number;
}

/** Takes a timer back; harmless once it has fired. */
export type CancelTimer = () => void;

/** A clock that can also call back: handed in, so that tests can stop it. */
export interface Timers extends Clock {
  /** Calls `run` once after `ms` milliseconds. */
  setTimeout(run: () => void, ms: number): CancelTimer;
}

// Node turns a longer timeout into one of 1 ms (a signed 32-bit integer); such a timer is started again instead.
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

function startTimer(run: () => void, ms: number): CancelTimer {
  const dueAt = performance.now() + ms;
  const arm = (): NodeJS.Timeout => {
    const leftMs = dueAt - performance.now();
    return setTimeout(leftMs > MAX_TIMEOUT_MS ? rearm : run, Math.min(Math.max(leftMs, 0), MAX_TIMEOUT_MS));
  };
  const rearm = (): void => {
    timer = arm();
  };
  let timer = arm();
  return () => {
    clearTimeout(timer);
  };
}

/** The machine's monotonic clock and Node's timers. A running timer keeps the process alive. */
export const systemClock: Timers = { now: () => performance.now(), setTimeout: startTimer };
