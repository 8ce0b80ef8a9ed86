/** What a run spends its time on, besides the simulated world itself. */
export type Share = "scheduler-core" | "peer-core" | "checks";

/** What a run cost on the machine it ran on: differs from run to run. CPU seconds, of all threads. */
export type Cost = {
  readonly seconds: number;
  readonly schedulerCoreSeconds: number;
  readonly peerCoreSeconds: number;
  /** Spent on looking whether what must hold holds. */
  readonly checkSeconds: number;
};

// Reading the clock costs as much as a small event: of those that happen for every piece one in so many is measured, and stands for all.
const MEASURED_EVERY = 13;

/** Adds up where the time of a run goes. It is no part of the trace. */
export class Stopwatch {
  readonly #begun = performance.now();
  readonly #cpuBegun = process.cpuUsage();
  readonly #spentMs: Record<Share, number> = { "scheduler-core": 0, "peer-core": 0, checks: 0 };

  #samples = 0;

  /** Something begins that happens for every piece; gives back what `bookSample` is told in the end. */
  beginSample(): number | undefined {
    this.#samples += 1;
    return this.#samples % MEASURED_EVERY === 0 ? performance.now() : undefined;
  }

  /** Books what was begun under `share`, with all that it stands for. */
  bookSample(share: Share, since: number | undefined): void {
    if (since !== undefined) this.#spentMs[share] += MEASURED_EVERY * (performance.now() - since);
  }

  /** Books the time since `since` (of `performance.now`) under `share`. */
  book(share: Share, since: number): void {
    this.#spentMs[share] += performance.now() - since;
  }

  /** The cost so far. The shares are measured on the wall's clock, which is cheap to read, and scaled to the processor's. */
  cost(): Cost {
    const { user, system } = process.cpuUsage(this.#cpuBegun);
    const seconds = (user + system) / 1e6;
    const perWallMs = seconds / Math.max(1, performance.now() - this.#begun);
    return {
      seconds,
      schedulerCoreSeconds: this.#spentMs["scheduler-core"] * perWallMs,
      peerCoreSeconds: this.#spentMs["peer-core"] * perWallMs,
      checkSeconds: this.#spentMs.checks * perWallMs,
    };
  }
}
