import type { JobState } from "@darner/preheat";
import { createCounter, createHistogram, Gauge, type Counter, type Histogram, type Registry } from "@darner/runtime";

/** What is counted of preheats. */
export type PreheatMetrics = {
  readonly over: Counter<"via" | "state">;
  readonly images: Counter<"outcome">;
  readonly bytes: Counter;
  readonly firstCopySeconds: Histogram;
  readonly refused: Counter<"reason">;
};

// Harbor gives a task up after half an hour; a small image is there within a second.
const FIRST_COPY_SECONDS = [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800];

/** Makes the metrics of preheats in a registry; `jobs` says how many jobs there are in each state. */
export function createPreheatMetrics(registry: Registry, jobs: () => Readonly<Record<JobState, number>>): PreheatMetrics {
  const name = (what: string): string => `darner_scheduler_preheat_${what}`;
  const collect = function (this: Gauge): void {
    for (const [state, count] of Object.entries(jobs())) this.set({ state }, count);
  };
  new Gauge({
    name: name("jobs"),
    help: "Preheat jobs that are kept, by how they stand.",
    labelNames: ["state"],
    collect,
    registers: [registry],
  });
  return {
    over: createCounter(registry, name("jobs_over_total"), "Preheat jobs that ended, by who asked and how.", ["via", "state"]),
    images: createCounter(registry, name("images_total"), "Images of preheat jobs that were looked up, by outcome: resolved, refused.", [
      "outcome",
    ]),
    bytes: createCounter(registry, name("bytes_total"), "Bytes that the hosts of preheat jobs held when these ended."),
    firstCopySeconds: createHistogram(
      registry,
      name("first_copy_seconds"),
      "From a preheat job's creation until the first host held everything.",
      [],
      FIRST_COPY_SECONDS,
    ),
    refused: createCounter(registry, name("refused_total"), "Preheat jobs that were not taken, by reason: busy, store, plain-http.", [
      "reason",
    ]),
  };
}
