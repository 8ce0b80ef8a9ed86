import type { Scenario } from "../scenario.ts";
import { coldPull } from "./cold-pull.ts";

const MIB = 1024 * 1024;
const four = coldPull(4);
const eight = coldPull(8);

/** The registry takes 3 s for the first byte of every answer. */
export function lateRegistry(hosts: number): Scenario {
  const cold = coldPull(hosts);
  return {
    ...cold,
    name: "late-registry",
    about: "The registry takes 3 s for the first byte of every answer.",
    blobBytes: [12 * MIB],
    source: { ...cold.source, firstByteMs: 3000 },
    expect: { sourceCopies: 1.05 },
  };
}

/** Registries with limits and moods. */
export const REGISTRIES: readonly Scenario[] = [
  lateRegistry(4),
  {
    ...four,
    name: "stalled-source",
    about: "One reader's source read stalls without a word.",
    faults: [{ type: "source-stalls", atMs: 1000, forMs: 600_000, who: { hosts: [2] } }],
    expect: { sourceCopies: 1.03 },
  },
  {
    ...four,
    name: "limited-source",
    about: "The registry wants to be left alone for a while.",
    faults: [{ type: "source-limits", atMs: 1500, forMs: 2000, retryAfterMs: 2000 }],
    expect: { sourceCopies: 1.02 },
  },
  {
    ...eight,
    name: "few-requests",
    about: "The registry answers sixty requests a minute, and the scheduler finds out: what is left waits for the next minute.",
    source: { ...eight.source, requestsPerMinute: 60 },
    expect: { sourceCopies: 1.02 },
  },
  {
    ...eight,
    name: "request-budget",
    about: "The registry answers thirty requests a minute, and the scheduler was told so: its stripes are longer.",
    source: { ...eight.source, requestsPerMinute: 30 },
    toldRequestsPerMinute: 30,
    expect: { sourceCopies: 1.02, lastRatio: 1.25 },
  },
  {
    ...eight,
    name: "few-connections",
    about: "The registry answers four requests at once.",
    source: { ...eight.source, maxConnections: 4 },
    expect: { sourceCopies: 1.02 },
  },
  {
    ...four,
    name: "refused-host",
    about: "One credential is refused in the middle.",
    faults: [{ type: "source-refuses", atMs: 1000, who: { hosts: [3] } }],
    expect: { sourceCopies: 1.02 },
  },
  {
    ...four,
    name: "lying-source",
    about: "The registry sends one wrong piece for a while, the same to all: no proof can succeed on it.",
    faults: [{ type: "source-lies", atMs: 0, forMs: 3000, piece: 100 }],
    expect: { failures: 4 },
  },
  {
    ...eight,
    name: "without-range",
    about: "The registry ignores Range.",
    source: { ...eight.source, ranges: false },
    expect: { sourceCopies: 1.02, lastRatio: 1.5 },
  },
];
