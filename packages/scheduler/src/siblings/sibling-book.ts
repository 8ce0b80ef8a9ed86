import type { Logger, Timers } from "@darner/runtime";
import { MAX_SCHEDULERS } from "@darner/domain";
import type { SiblingFacts } from "./question.ts";
import { SiblingAbsent, type Patience, type SiblingLink } from "./sibling-link.ts";

/** What the book works with. */
export type SiblingBookDeps = {
  readonly link: SiblingLink;
  /** Where schedulers are, as far as this one was told: its configuration, and what hosts say. Its own address may be among them. */
  readonly addresses: () => Iterable<string>;
  readonly facts: () => SiblingFacts;
  /** Another scheduler has given job numbers below this one. */
  readonly onNumbered: (next: number) => void;
  readonly patience: Pick<Patience, "factsMs">;
  readonly timers: Timers;
  readonly log: Logger;
};

/** Who keeps the jobs of an ordinal. */
export type Writer =
  | { readonly state: "known"; readonly address: string }
  /** It may be one of those that do not answer. */
  | { readonly state: "absent" }
  /** Every scheduler is known, and none has this ordinal. */
  | { readonly state: "nobody" };

type Entry = { readonly address: string; facts: SiblingFacts | undefined };

// Often enough that ordinals are known before a scheduler is lost.
const LOOK_MS = 10_000;

/** Which other schedulers there are, and what ids their jobs carry. */
export class SiblingBook implements Disposable {
  readonly #deps: SiblingBookDeps;
  // What was once told of stays: a scheduler that is lost is named by nobody for a while. At most MAX_SCHEDULERS.
  readonly #entries = new Map<string, Entry>();
  readonly #warned = new Set<string>();
  #cancelTimer: (() => void) | undefined;

  constructor(deps: SiblingBookDeps) {
    this.#deps = deps;
  }

  /** Looks who is there, now and every few seconds. */
  start(): void {
    void this.look();
    this.#cancelTimer = this.#deps.timers.setTimeout(() => {
      this.start();
    }, LOOK_MS);
  }

  /** The others, known or not. One address alone is this scheduler's own. */
  get others(): readonly { readonly address: string; readonly facts: SiblingFacts | undefined }[] {
    for (const address of this.#deps.addresses())
      if (!this.#entries.has(address) && this.#entries.size < MAX_SCHEDULERS) this.#entries.set(address, { address, facts: undefined });
    if (this.#entries.size < 2) return [];
    const { instance } = this.#deps.facts();
    return [...this.#entries.values()].filter(({ facts }) => facts?.instance !== instance);
  }

  /** Asks all others who they are. Those that do not answer keep what was known of them. Never rejects. */
  async look(): Promise<void> {
    await Promise.all(this.others.map(({ address }) => this.#ask(address)));
  }

  /** Who keeps the jobs of an ordinal, as far as can be known now. */
  async writerOf(ordinal: number): Promise<Writer> {
    const known = this.#withOrdinal(ordinal);
    if (known !== undefined) return { state: "known", address: known };
    await Promise.all(this.others.filter(({ facts }) => facts === undefined).map(({ address }) => this.#ask(address)));
    const found = this.#withOrdinal(ordinal);
    if (found !== undefined) return { state: "known", address: found };
    return this.others.some(({ facts }) => facts === undefined) ? { state: "absent" } : { state: "nobody" };
  }

  /** The scheduler that most hosts follow, as it says itself; undefined where nobody follows another one. */
  async followed(): Promise<string | undefined> {
    const answers = await Promise.all(this.others.map(async ({ address }) => ({ address, facts: await this.#ask(address) })));
    const [most] = answers.toSorted((a, b) => (b.facts?.followers ?? 0) - (a.facts?.followers ?? 0));
    return (most?.facts?.followers ?? 0) > 0 ? most?.address : undefined;
  }

  [Symbol.dispose](): void {
    this.#cancelTimer?.();
  }

  #withOrdinal(ordinal: number): string | undefined {
    return this.others.find(({ facts }) => facts?.ordinal === ordinal)?.address;
  }

  /** What it says now; undefined where it does not. */
  async #ask(address: string): Promise<SiblingFacts | undefined> {
    try {
      for await (const answer of this.#deps.link.ask(address, { type: "facts" }, { timeoutMs: this.#deps.patience.factsMs })) {
        if (answer.type !== "facts") break;
        this.#learn(address, answer.facts);
        return answer.facts;
      }
    } catch (error) {
      if (!(error instanceof SiblingAbsent)) throw error;
      this.#deps.log.debug("scheduler does not answer another one", { address, error });
    }
    return undefined;
  }

  #learn(address: string, facts: SiblingFacts): void {
    const entry = this.#entries.get(address);
    if (entry !== undefined) entry.facts = facts;
    const own = this.#deps.facts();
    if (facts.instance === own.instance) return;
    this.#deps.onNumbered(facts.next);
    if (facts.ordinal !== own.ordinal || this.#warned.has(address)) return;
    this.#warned.add(address);
    this.#deps.log.error("two schedulers give their jobs the same ids: set jobs.ordinal to a number of its own on each", {
      address,
      scheduler: facts.name,
      ordinal: own.ordinal,
    });
  }
}
