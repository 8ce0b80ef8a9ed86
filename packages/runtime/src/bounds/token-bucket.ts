import { systemClock } from "../clock.ts";
import type { CancelTimer, Timers } from "../clock.ts";

type Waiter = { readonly bytes: number; readonly go: () => void };

/** How fast a `TokenBucket` lets bytes pass. */
export type TokenBucketOptions = {
  /** Zero: no limit. */
  readonly bytesPerSecond: number;
  /** Bytes that may pass at once after a pause; default: what passes in 0.1 s, at least 64 KiB (one read of a socket). */
  readonly burstBytes?: number;
  readonly timers?: Timers;
};

const SOCKET_READ_BYTES = 65_536;
// Tokens are fractions in floating point: a millionth of a byte short is enough.
const ROUNDING_BYTES = 1e-6;

/**
 * Limits a flow of bytes. Waiters are served in the order they came; each waits for its bytes or a full bucket,
 * whichever is less, so that also a piece larger than the burst passes (the bucket then owes).
 * The queue holds one entry per caller that waits and is so bounded by the connections that share the bucket.
 */
export class TokenBucket implements Disposable {
  readonly #bytesPerSecond: number;
  readonly #burst: number;
  readonly #timers: Timers;
  readonly #waiters = new Set<Waiter>();
  #tokens: number;
  #filledAt: number;
  #cancelTimer: CancelTimer | undefined;

  constructor(options: TokenBucketOptions) {
    this.#bytesPerSecond = options.bytesPerSecond;
    this.#burst = options.burstBytes ?? Math.max(options.bytesPerSecond / 10, SOCKET_READ_BYTES);
    this.#timers = options.timers ?? systemClock;
    this.#tokens = this.#burst;
    this.#filledAt = this.#timers.now();
  }

  /** Takes `bytes` if they may pass at once and nobody waits before. */
  tryTake(bytes: number): boolean {
    if (this.#bytesPerSecond === 0) return true;
    if (this.#waiters.size > 0) return false;
    return this.#takeNow(bytes);
  }

  /** Resolves when `bytes` may pass; rejects with the signal's reason, giving the place in the queue up. */
  take(bytes: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    if (this.tryTake(bytes)) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const onAbort = (): void => {
      this.#waiters.delete(waiter);
      this.#schedule();
      reject(signal?.reason as Error);
    };
    const go = (): void => {
      signal?.removeEventListener("abort", onAbort);
      resolve(undefined);
    };
    const waiter = { bytes, go };
    this.#waiters.add(waiter);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#schedule();
    return promise;
  }

  /** Ends the limit: everybody who waits passes. */
  [Symbol.dispose](): void {
    this.#cancelTimer?.();
    for (const waiter of this.#waiters) waiter.go();
    this.#waiters.clear();
  }

  #takeNow(bytes: number): boolean {
    this.#fill();
    if (this.#tokens + ROUNDING_BYTES < this.#needed(bytes)) return false;
    this.#tokens -= bytes;
    return true;
  }

  #needed(bytes: number): number {
    return Math.min(bytes, this.#burst);
  }

  #fill(): void {
    const now = this.#timers.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) / 1000) * this.#bytesPerSecond);
    this.#filledAt = now;
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      if (!this.#takeNow(waiter.bytes)) break;
      this.#waiters.delete(waiter);
      waiter.go();
    }
    this.#schedule();
  }

  #schedule(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const first of this.#waiters) {
      this.#fill();
      // Rounded up to whole milliseconds: a timer that fires a moment early would find the bucket short by a fraction.
      const waitMs = Math.ceil(((this.#needed(first.bytes) - this.#tokens) / this.#bytesPerSecond) * 1000);
      this.#cancelTimer = this.#timers.setTimeout(
        () => {
          this.#serve();
        },
        Math.max(waitMs, 1),
      );
      return;
    }
  }
}
