import type { Task } from "@darner/domain";
import { TokenBucket, type Logger, type Timers } from "@darner/runtime";
import type { Prover } from "../prover.ts";
import type { BlobStore } from "../store.ts";
import { findRot } from "./find-rot.ts";
import { ROTTEN } from "./first-use.ts";

/** What a scrubber works with. */
export type ScrubberDeps = {
  readonly store: BlobStore;
  readonly prover: Prover;
  readonly timers: Timers;
  readonly log: Logger;
  readonly onRotten: (task: Task) => void;
  readonly onChecked: (task: Task) => void;
};

// Between two rounds over a store that is small or empty: an hour; a store of 100 GiB at 4 MiB a second takes seven.
const ROUND_MS = 3_600_000;

/** Reads every complete blob again, one after the other and at a bounded rate, and puts aside what is not as it was. */
export class Scrubber implements AsyncDisposable {
  readonly #deps: ScrubberDeps;
  readonly #bucket: TokenBucket;
  readonly #ending = new AbortController();
  readonly #work: Promise<void>;
  #wake: (() => void) | undefined;

  constructor(bytesPerSecond: number, deps: ScrubberDeps) {
    this.#deps = deps;
    this.#bucket = new TokenBucket({ bytesPerSecond, timers: deps.timers });
    this.#work = this.#rounds();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    this.#bucket[Symbol.dispose]();
    this.#wake?.();
    await this.#work;
  }

  get #isOver(): boolean {
    return this.#ending.signal.aborted;
  }

  async #rounds(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      for (const { task, complete } of this.#deps.store.list()) if (complete) await this.#scrub(task);
      await this.#pause();
    }
  }

  /** Never rejects. */
  async #scrub(task: Task): Promise<void> {
    const { store, prover, log, onRotten, onChecked } = this.#deps;
    const blob = this.#isOver ? undefined : store.open(task, "check");
    if (blob === undefined) return;
    try {
      const take = (bytes: number): Promise<void> => this.#bucket.take(bytes, this.#ending.signal).catch(() => undefined);
      const rotten = await findRot(blob, { prover, take, signal: this.#ending.signal });
      if (this.#isOver) return;
      if (rotten) {
        onRotten(task);
        await blob.quarantine(ROTTEN, "kept");
      } else onChecked(task);
    } catch (error) {
      log.error("blob could not be read again", { task: task.digest, error });
    } finally {
      blob[Symbol.dispose]();
    }
  }

  async #pause(): Promise<void> {
    if (this.#isOver) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = (): void => {
      resolve(undefined);
    };
    this.#wake = wake;
    const cancel = this.#deps.timers.setTimeout(wake, ROUND_MS);
    await promise;
    cancel();
  }
}
