import { systemClock } from "./clock.ts";
import type { Timers } from "./clock.ts";

/** Resolves after `ms` milliseconds of `timers`; rejects with the signal's reason as soon as it is aborted. */
export function sleep(ms: number, signal?: AbortSignal, timers: Timers = systemClock): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  if (signal?.aborted === true) {
    reject(signal.reason as Error);
    return promise;
  }
  const onAbort = (): void => {
    cancel();
    reject(signal?.reason as Error);
  };
  const cancel = timers.setTimeout(() => {
    signal?.removeEventListener("abort", onAbort);
    resolve(undefined);
  }, ms);
  signal?.addEventListener("abort", onAbort, { once: true });
  return promise;
}
