import { LruMap, type Clock } from "@darner/runtime";

// A host that starts with a wrong token tries every few seconds; a rack of them behind one address is still told from a guesser.
const MAX_FAILURES = 30;
const WINDOW_MS = 60_000;
// Addresses that failed lately; with more of them at once the oldest begins anew, and no secret is guessed within 30 tries a minute and address.
const MAX_ADDRESSES = 4096;

/** Counts what was wrongly shown, by address: who shows too much of it is not looked at for a while. */
export class JoinLimit {
  readonly #failures: LruMap<string, number>;

  constructor(clock: Clock) {
    this.#failures = new LruMap({ maxEntries: MAX_ADDRESSES, ttlMs: WINDOW_MS, clock });
  }

  /** Whether an address may try now. It counts as a failure until `succeeded` takes it back, so that tries at the same time count, too. */
  tries(address: string): boolean {
    const failures = this.#failures.peek(address) ?? 0;
    if (failures >= MAX_FAILURES) return false;
    this.#failures.set(address, failures + 1);
    return true;
  }

  succeeded(address: string): void {
    const failures = this.#failures.peek(address) ?? 0;
    if (failures > 0) this.#failures.set(address, failures - 1);
  }
}
