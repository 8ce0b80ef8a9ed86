import type { Scenario } from "../scenario.ts";
import { coldPull } from "./cold-pull.ts";

const MIB = 1024 * 1024;
const eight = { ...coldPull(8), schedulers: 3 };
// Some 20 s: a split is noticed by silence after 5 s, and a scheduler that came back is returned to after 10 s.
const long = { ...eight, blobBytes: [256 * MIB] };
const FIRST_HALF = { hosts: [0, 1, 2, 3] };
const SECOND_HALF = { hosts: [4, 5, 6, 7] };

/** Several schedulers: one is followed, the others stand by. */
export const SCHEDULERS: readonly Scenario[] = [
  {
    ...eight,
    name: "scheduler-killed",
    about: "The first of three schedulers dies in the middle of a pull.",
    faults: [{ type: "scheduler-killed", atMs: 2500, scheduler: 0 }],
    expect: { lastRatio: 1.15, sourceCopies: 1.02, takeoverMs: 2000 },
  },
  {
    ...long,
    name: "scheduler-returns",
    about: "The first of three schedulers dies and is back a second later; when it has been steady all return to it.",
    faults: [{ type: "scheduler-restarted", atMs: 2500, downMs: 1000 }],
    expect: { lastRatio: 1.3, sourceCopies: 1.02, takeoverMs: 2000 },
  },
  {
    ...long,
    name: "scheduler-silent",
    about: "The machine of the first of three schedulers is gone: nobody is told.",
    faults: [{ type: "scheduler-cut", atMs: 2500, forMs: 3_600_000, scheduler: 0, who: { share: 1 } }],
    expect: { sourceCopies: 1.05 },
  },
  {
    ...long,
    name: "split-view",
    about: "Each half of the hosts loses the way to the scheduler that the other half follows.",
    schedulers: 2,
    faults: [
      { type: "scheduler-cut", atMs: 1000, forMs: 12_000, scheduler: 0, who: FIRST_HALF },
      { type: "scheduler-cut", atMs: 1000, forMs: 12_000, scheduler: 1, who: SECOND_HALF },
    ],
    expect: { sourceCopies: 2 },
  },
  {
    ...long,
    name: "split-with-a-third",
    about: "Half of the hosts loses the way to the first of three schedulers, the other half to the second; all reach the third.",
    faults: [
      { type: "scheduler-cut", atMs: 1000, forMs: 3_600_000, scheduler: 0, who: FIRST_HALF },
      { type: "scheduler-cut", atMs: 1000, forMs: 3_600_000, scheduler: 1, who: SECOND_HALF },
    ],
    expect: { sourceCopies: 2 },
  },
  {
    ...long,
    name: "rolling-restart",
    about: "Three schedulers are restarted one after the other while hosts pull.",
    faults: [0, 1, 2].map(
      (scheduler) => ({ type: "scheduler-restarted", atMs: 2000 + 5000 * scheduler, downMs: 2000, scheduler }) as const,
    ),
    expect: { lastRatio: 1.3, sourceCopies: 1.05, takeoverMs: 2000 },
  },
];
