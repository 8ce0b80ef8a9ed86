import { FuzzDice } from "../src/fuzz/fuzz-dice.ts";
import type { FuzzTarget } from "../src/fuzz/fuzz-target.ts";
import { mutate } from "../src/fuzz/mutate.ts";

/** How long a run is: so many inputs, or so many milliseconds, whichever ends first. */
export type FuzzBudget = { readonly inputs: number; readonly ms: number; readonly seed: number };

/** How a run ended. */
export type FuzzOutcome = {
  readonly target: string;
  readonly seed: number;
  readonly inputs: number;
  readonly ms: number;
  /** Ways in which inputs ended, with how many of them did. */
  readonly endings: Readonly<Record<string, number>>;
  /** The slowest input that was as slow when tried again, in milliseconds of processor time. */
  readonly slowestMs: number;
  /** The first input that broke the oracle. */
  readonly failure?: { readonly input: Uint8Array; readonly error: unknown };
  /** Inputs worth keeping: the shortest found for each way to end. */
  readonly corpus: ReadonlyMap<string, Uint8Array>;
};

// A hang, and nothing that a busy machine makes of a quick answer: processor time counts, of several tries the fastest.
const MAX_MS = 250;
const TRIES = 4;
// Who only waits uses no processor; so much of the clock is as bad as one of the processor, even where others have it most of the time.
const WAITING_SHARE = 40;
// Ways to end come from small sets; should a target tell more, the corpus is bounded all the same.
const MAX_CORPUS = 256;

/** Replays the corpus, then throws new inputs at a target until the budget is used up or something breaks. `onInput` is told of each before it is thrown. */
export async function runTarget(
  target: FuzzTarget,
  kept: ReadonlyMap<string, Uint8Array>,
  budget: FuzzBudget,
  onInput: (input: Uint8Array) => void = () => undefined,
): Promise<FuzzOutcome> {
  const run = new Run(target, kept, budget.seed, onInput);
  const startedAt = performance.now();
  try {
    for (const input of [...target.seeds.map(bytesOf), ...kept.values()]) if (!(await run.tries(input))) break;
    while (run.isSound && run.inputs < budget.inputs && performance.now() - startedAt < budget.ms) await run.tries(run.next());
  } finally {
    await target.close?.();
  }
  return run.outcome(performance.now() - startedAt);
}

class Run {
  inputs = 0;
  readonly #target: FuzzTarget;
  readonly #seed: number;
  readonly #dice: FuzzDice;
  readonly #words: readonly Uint8Array[];
  readonly #corpus: Map<string, Uint8Array>;
  readonly #endings = new Map<string, number>();
  #pool: readonly Uint8Array[];
  #slowestMs = 0;
  #failure: FuzzOutcome["failure"];
  readonly #onInput: (input: Uint8Array) => void;

  constructor(target: FuzzTarget, kept: ReadonlyMap<string, Uint8Array>, seed: number, onInput: (input: Uint8Array) => void) {
    this.#onInput = onInput;
    this.#target = target;
    this.#seed = seed;
    this.#dice = new FuzzDice(seed);
    this.#words = target.words.map(bytesOf);
    this.#corpus = new Map(kept);
    this.#pool = [...target.seeds.map(bytesOf), ...kept.values()];
  }

  get isSound(): boolean {
    return this.#failure === undefined;
  }

  next(): Uint8Array {
    const dice = this.#dice;
    const { make } = this.#target;
    const fresh = make !== undefined && dice.below(4) < 2 ? bytesOf(make(dice)) : dice.pick(this.#pool);
    return dice.once(8) && make !== undefined ? fresh : mutate(fresh, dice, { words: this.#words, others: this.#pool });
  }

  /** One input; whether all is well. */
  async tries(input: Uint8Array): Promise<boolean> {
    this.inputs += 1;
    this.#onInput(input);
    try {
      const { ending, ms } = await this.#timed(input);
      this.#slowestMs = Math.max(this.#slowestMs, ms);
      this.#keep(ending, input);
    } catch (error) {
      this.#failure = { input, error };
    }
    return this.isSound;
  }

  outcome(ms: number): FuzzOutcome {
    return {
      target: this.#target.name,
      seed: this.#seed,
      inputs: this.inputs,
      ms,
      endings: Object.fromEntries([...this.#endings].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      slowestMs: this.#slowestMs,
      corpus: this.#corpus,
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
    };
  }

  async #timed(input: Uint8Array): Promise<{ readonly ending: string; readonly ms: number }> {
    let fastest = Infinity;
    for (let tries = 1; ; tries += 1) {
      const [startedAt, before] = [performance.now(), process.cpuUsage()];
      const answer = this.#target.check(input);
      // A turn of the event loop for each of a million inputs is dear; most targets need none.
      const ending = typeof answer === "string" ? answer : await answer;
      const { user, system } = process.cpuUsage(before);
      fastest = Math.min(fastest, Math.max((user + system) / 1000, (performance.now() - startedAt) / WAITING_SHARE));
      if (fastest <= Math.max(this.#slowestMs, MAX_MS / 10) || tries >= TRIES) {
        if (fastest > MAX_MS) throw new Error(`${String(Math.round(fastest))} ms for ${String(input.length)} bytes`);
        return { ending, ms: fastest };
      }
    }
  }

  #keep(ending: string, input: Uint8Array): void {
    const seen = this.#endings.get(ending) ?? 0;
    this.#endings.set(ending, seen + 1);
    const known = this.#corpus.get(ending);
    if (known === undefined ? this.#corpus.size >= MAX_CORPUS : known.length <= input.length) return;
    this.#corpus.set(ending, input);
    this.#pool = [...this.#target.seeds.map(bytesOf), ...this.#corpus.values()];
  }
}

function bytesOf(input: string | Uint8Array): Uint8Array {
  return typeof input === "string" ? new Uint8Array(Buffer.from(input, "latin1")) : input;
}
