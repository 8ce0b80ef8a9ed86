import { systemClock } from "../clock.ts";
import type { Clock } from "../clock.ts";

type Entry<V> = { readonly value: V; readonly expiresAt: number };

/** What bounds an `LruMap`. */
export type LruMapOptions<K, V> = {
  /** Beyond this number of entries the least recently used one goes. */
  readonly maxEntries: number;
  /** Milliseconds after which an entry counts as absent; absent: never. */
  readonly ttlMs?: number;
  readonly clock?: Clock;
  /** Told of every entry that leaves by the bound or by age, not of those deleted or replaced. */
  readonly onEvict?: (key: K, value: V) => void;
};

/** A map of bounded size whose entries may age; reading an entry makes it the most recently used. */
export class LruMap<K, V> {
  readonly #entries = new Map<K, Entry<V>>();
  readonly #options: LruMapOptions<K, V>;
  readonly #clock: Clock;

  constructor(options: LruMapOptions<K, V>) {
    if (!(options.maxEntries >= 1)) throw new RangeError(`an LruMap of ${String(options.maxEntries)} entries holds nothing`);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Entries held, aged ones that nobody asked for since included. */
  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    const entry = this.#live(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** The value without making it recently used. */
  peek(key: K): V | undefined {
    return this.#live(key)?.value;
  }

  has(key: K): boolean {
    return this.#live(key) !== undefined;
  }

  /** Puts a value; `ttlMs` differs from the map's for this entry only. */
  set(key: K, value: V, ttlMs: number | undefined = this.#options.ttlMs): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, expiresAt: ttlMs === undefined ? Infinity : this.#clock.now() + ttlMs });
    if (this.#entries.size > this.#options.maxEntries) this.#evictOldest();
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  /** Live entries, least recently used first. */
  *entries(): Generator<[K, V], void, undefined> {
    for (const key of [...this.#entries.keys()]) {
      const entry = this.#live(key);
      if (entry !== undefined) yield [key, entry.value];
    }
  }

  #live(key: K): Entry<V> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#clock.now() < entry.expiresAt) return entry;
    this.#entries.delete(key);
    this.#options.onEvict?.(key, entry.value);
    return undefined;
  }

  #evictOldest(): void {
    for (const [key, entry] of this.#entries) {
      this.#entries.delete(key);
      this.#options.onEvict?.(key, entry.value);
      return;
    }
  }
}
