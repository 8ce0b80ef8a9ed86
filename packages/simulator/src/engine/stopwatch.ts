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

/** Adds up where the time of a run goes. It is no part of the trace. */
export class Stopwatch {
  readonly #begun = performance.now();
  readonly #cpuBegun = process.cpuUsage();
  readonly #spentMs: Record<Share, number> = { "scheduler-core": 0, "peer-core": 0, checks: 0 };

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
