import type { Scenario } from "../scenario.ts";
import { coldPull } from "./cold-pull.ts";

const four = coldPull(4);
const twenty = coldPull(20);
const ALWAYS_MS = 3_600_000;

/** Hosts that do not do what they say. */
export const LIES: readonly Scenario[] = [
  {
    ...four,
    name: "lying-host",
    about: "One host sends wrong bytes for a while.",
    faults: [{ type: "hosts-lie", atMs: 500, forMs: 3000, who: { hosts: [0] } }],
    expect: {},
  },
  {
    ...twenty,
    name: "liars",
    about: "A fifth of the hosts always sends wrong bytes.",
    faults: [{ type: "hosts-lie", atMs: 0, forMs: ALWAYS_MS, who: { share: 0.2 } }],
    expect: { lastRatio: 1.65, sourceCopies: 1.1 },
  },
  {
    ...twenty,
    name: "corrupt-pieces",
    about: "One piece in fifty of what a tenth of the hosts sends is wrong.",
    faults: [{ type: "hosts-corrupt", atMs: 0, forMs: ALWAYS_MS, who: { share: 0.1 }, share: 0.02 }],
    expect: { sourceCopies: 1.1 },
  },
  {
    ...twenty,
    name: "false-claims",
    about: "A tenth of the hosts says it holds everything and never sends what it does not have.",
    faults: [{ type: "hosts-claim", atMs: 100, who: { share: 0.1 } }],
    expect: {},
  },
  {
    ...twenty,
    name: "stalls",
    about: "A tenth of the hosts takes every request and sends nothing.",
    faults: [{ type: "hosts-stall", atMs: 1000, forMs: ALWAYS_MS, who: { share: 0.1 } }],
    expect: { sourceCopies: 1.1 },
  },
];
