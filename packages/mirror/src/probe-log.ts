// A node probes itself every ten minutes; whoever asks for more names at once finds the oldest forgotten.
const MAX_NAMES = 32;

/** Remembers which probes of node set-up came to this mirror: a runtime that asks for one asks the mirror for everything. */
export class ProbeLog {
  readonly #names = new Set<string>();

  note(name: string): void {
    this.#names.delete(name);
    this.#names.add(name);
    const [oldest] = this.#names;
    if (this.#names.size > MAX_NAMES && oldest !== undefined) this.#names.delete(oldest);
  }

  /** Whether a request for this registry came. */
  saw(name: string): boolean {
    return this.#names.has(name);
  }
}
