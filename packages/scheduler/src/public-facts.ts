import type { PublicFact } from "@darner/protocol";
import { LruMap, type Clock } from "@darner/runtime";

type Known = { readonly fact: PublicFact; readonly at: number };

// What a cluster runs images of is hundreds of repositories; a daemon that comes hears of all of them, so 4096 are 250 kB for each.
const MAX_FACTS = 4096;
// A yes that others have heard lately is no news: of ten thousand hosts that ask a registry at once, one tells all.
const STALE_PART = 1 / 3;

/** Which repositories are public, as the daemons heard it from the registries: what one found out, all know. Soft: forgotten with the process. */
export class PublicFacts {
  readonly #clock: Clock;
  readonly #staleMs: number;
  readonly #known: LruMap<string, Known>;

  constructor(config: { readonly publicSeconds: number; readonly graceSeconds: number }, clock: Clock) {
    this.#clock = clock;
    this.#staleMs = config.publicSeconds * 1000 * STALE_PART;
    // Kept as long as they may count anywhere: the grace is longer than the ordinary life.
    this.#known = new LruMap({ maxEntries: MAX_FACTS, ttlMs: Math.max(config.publicSeconds, config.graceSeconds, 1) * 1000, clock });
  }

  /** Takes in what a daemon said; true where the others are to hear it. */
  note(fact: PublicFact): boolean {
    const { registry, name } = fact.repository;
    const key = `${registry} ${name}`;
    const at = this.#clock.now() - fact.ageMs;
    const known = this.#known.peek(key);
    if (known !== undefined && (known.at > at || (known.at === at && fact.isPublic === known.fact.isPublic))) return false;
    this.#known.set(key, { fact, at });
    return known?.fact.isPublic !== fact.isPublic || !fact.isPublic || at - known.at >= this.#staleMs;
  }

  /** Every public repository that is known, each as old as it is now: what a daemon that comes is told. */
  all(): PublicFact[] {
    const now = this.#clock.now();
    return [...this.#known.entries()]
      .filter(([, { fact }]) => fact.isPublic)
      .map(([, { fact, at }]) => ({ repository: fact.repository, ageMs: now - at, isPublic: true }));
  }
}
