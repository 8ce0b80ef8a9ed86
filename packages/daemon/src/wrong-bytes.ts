/** What was found to be wrong, and by whose fault as far as this host can tell. */
export type WrongBytes =
  /** Another host sent a piece that the piece table does not know. */
  | "piece-refused"
  /** A registry sent bytes of a blob that do not have its digest. */
  | "proof-failed"
  /** A blob in this host's own store has other bytes than it had when it was proven. */
  | "rotten"
  /** The scheduler says that this host's word, or what a registry sent it, was wrong; nothing is taken from it for a while where it says so. */
  | "told-wrong"
  | "told-blocked";

/** One row: how often it happened, and when last. */
export type WrongBytesRow = {
  readonly what: WrongBytes;
  readonly who: string;
  readonly digest: string;
  readonly times: number;
  readonly lastAt: string;
};

// What a person reads at a prompt; the oldest goes, the metrics go on counting.
const MAX_ROWS = 32;

/** The latest cases of wrong bytes on this host, for its status. */
export class WrongBytesBook {
  readonly #rows = new Map<string, WrongBytesRow>();

  /** Notes one case; `at` is in milliseconds since the epoch. */
  note(what: WrongBytes, who: string, digest: string, at: number): void {
    const key = `${what} ${who}`;
    const times = (this.#rows.get(key)?.times ?? 0) + 1;
    this.#rows.delete(key);
    this.#rows.set(key, { what, who, digest, times, lastAt: new Date(at).toISOString() });
    const [oldest] = this.#rows.keys();
    if (this.#rows.size > MAX_ROWS && oldest !== undefined) this.#rows.delete(oldest);
  }

  /** The latest last. */
  rows(): readonly WrongBytesRow[] {
    return [...this.#rows.values()];
  }
}
