import type { Scenario } from "../scenario.ts";
import { coldPull } from "./cold-pull.ts";

const four = coldPull(4);
const twenty = coldPull(20);

/** Hosts and schedulers that go away, and perhaps come back. */
export const LOSSES: readonly Scenario[] = [
  {
    ...four,
    name: "host-killed",
    about: "One of four hosts dies in the middle.",
    faults: [{ type: "hosts-killed", atMs: 2500, who: { hosts: [1] } }],
    expect: { lastRatio: 1.3, sourceCopies: 1.05 },
  },
  {
    ...twenty,
    name: "tenth-lost",
    about: "A tenth of the hosts dies in the middle.",
    faults: [{ type: "hosts-killed", atMs: 3000, who: { share: 0.1 } }],
    expect: { sourceCopies: 1.05, lastRatio: 1.3 },
  },
  {
    ...twenty,
    name: "tenth-cut",
    about: "A tenth of the hosts loses its network in the middle, and nobody is told.",
    faults: [{ type: "hosts-cut", atMs: 3000, who: { share: 0.1 } }],
    expect: { sourceCopies: 1.05 },
  },
  {
    ...twenty,
    name: "churn",
    about: "A third of the hosts restarts, each at another time, and goes on from its disk.",
    faults: [{ type: "churn", atMs: 500, forMs: 4000, who: { share: 1 / 3 }, downMs: 1000 }],
    expect: { sourceCopies: 1.05 },
  },
  {
    ...four,
    name: "scheduler-restart",
    about: "The scheduler dies in the middle; the next one knows nothing.",
    faults: [{ type: "scheduler-restarted", atMs: 2000, downMs: 3000 }],
    expect: { sourceCopies: 1.3 },
  },
  {
    ...four,
    name: "scheduler-blink",
    about: "The scheduler is back after half a second and learns from the hosts what they hold.",
    faults: [{ type: "scheduler-restarted", atMs: 2000, downMs: 500 }],
    expect: { lastRatio: 1.2, sourceCopies: 1.02 },
  },
  {
    ...four,
    name: "preheat-blink",
    about: "The scheduler is killed twice in the middle of a preheat of three layers, and a second and a half later runs again.",
    blobBytes: [12, 8, 4].map((mib) => mib * 1024 * 1024),
    joinsAtMs: [1500, 1500, 1500, 1500],
    preheats: { share: 1 },
    faults: [1700, 5200].map((atMs) => ({ type: "scheduler-restarted", atMs, downMs: 1500 }) as const),
    expect: { sourceCopies: 1.02 },
  },
  {
    ...coldPull(2),
    name: "no-scheduler",
    about: "A swarm without a scheduler: everybody reads the source.",
    schedulers: 0,
    expect: { sourceCopies: 2.02 },
  },
  {
    ...four,
    name: "clocks-jump",
    about: "The clock of one host and that of the scheduler go a minute ahead, another host's stands still for two seconds.",
    faults: [
      { type: "clocks-jump", atMs: 1500, who: { hosts: [1] }, byMs: 60_000 },
      { type: "clocks-jump", atMs: 2000, who: { hosts: [2] }, byMs: -2000 },
      { type: "scheduler-clock-jumps", atMs: 2500, byMs: 60_000 },
    ],
    expect: { sourceCopies: 1.3 },
  },
];
