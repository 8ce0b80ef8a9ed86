import { LruMap } from "@darner/runtime";
import type { Timers } from "@darner/runtime";
import { RegistryError } from "../registry-error.ts";

// A caller may be anybody with a token; beyond 4096 limited identities the oldest is merely asked about again.
const MAX_LIMITED = 4096;

/** Remembers who a registry asked to wait, so that nobody asks again before (contracts/registry-mirror.md case 78). */
export class BackOff {
  readonly #timers: Timers;
  readonly #until: LruMap<string, number>;

  constructor(timers: Timers) {
    this.#timers = timers;
    this.#until = new LruMap({ maxEntries: MAX_LIMITED, clock: timers });
  }

  /** Throws `rate-limited` while this identity is to leave this registry alone. */
  check(registry: string, identity: string): void {
    const retryAfterMs = this.pauseMs(registry, identity);
    if (retryAfterMs === 0) return;
    throw new RegistryError({ code: "rate-limited", status: 429, retryAfterMs }, `${registry} asked for a pause that is not over`);
  }

  /** How long this identity is still to leave this registry alone, in milliseconds; 0: not at all. */
  pauseMs(registry: string, identity: string): number {
    const until = this.#until.get(key(registry, identity));
    return until === undefined ? 0 : Math.ceil(until - this.#timers.now());
  }

  /** The registry said 429. */
  note(registry: string, identity: string, ms: number): void {
    if (ms > 0) this.#until.set(key(registry, identity), this.#timers.now() + ms, ms);
  }
}

function key(registry: string, identity: string): string {
  return `${registry} ${identity}`;
}
