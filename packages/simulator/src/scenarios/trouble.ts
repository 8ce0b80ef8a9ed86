import type { Scenario } from "../scenario.ts";
import { coldPull } from "./cold-pull.ts";

const four = coldPull(4);

/** One of four hosts dies in the middle. */
export const hostKilled: Scenario = {
  ...four,
  name: "host-killed",
  about: "One of four hosts dies in the middle.",
  expect: { sourceCopies: 1.05 },
  faults: [{ type: "host-killed", atMs: 2500, host: 1 }],
};

/** The scheduler dies in the middle; the next one knows nothing. */
export const schedulerRestart: Scenario = {
  ...four,
  name: "scheduler-restart",
  about: "The scheduler dies in the middle; the next one knows nothing.",
  expect: {},
  faults: [{ type: "scheduler-restarted", atMs: 2000, downMs: 3000 }],
};

/** One reader's source read stalls without a word. */
export const stalledSource: Scenario = {
  ...four,
  name: "stalled-source",
  about: "One reader's source read stalls without a word.",
  expect: { sourceCopies: 1.03 },
  faults: [{ type: "source-stalls", atMs: 1000, forMs: 600_000, host: 2 }],
};

/** The registry wants to be left alone for a while. */
export const limitedSource: Scenario = {
  ...four,
  name: "limited-source",
  about: "The registry wants to be left alone for a while.",
  expect: { sourceCopies: 1.02 },
  faults: [{ type: "source-limits", atMs: 1500, forMs: 2000, retryAfterMs: 2000 }],
};

/** One host sends wrong bytes for a while. */
export const lyingHost: Scenario = {
  ...four,
  name: "lying-host",
  about: "One host sends wrong bytes for a while.",
  expect: {},
  faults: [{ type: "host-lies", atMs: 500, forMs: 3000, host: 0 }],
};

/** One credential is refused in the middle. */
export const refusedHost: Scenario = {
  ...four,
  name: "refused-host",
  about: "One credential is refused in the middle.",
  expect: { sourceCopies: 1.02 },
  faults: [{ type: "source-refuses", atMs: 1000, host: 3 }],
};

/** The registry sends one wrong piece for a while, the same to all: no proof can succeed on it. */
export const lyingSource: Scenario = {
  ...four,
  name: "lying-source",
  about: "The registry sends one wrong piece for a while, the same to all: no proof can succeed on it.",
  expect: { failures: 4 },
  faults: [{ type: "source-lies", atMs: 0, forMs: 3000, piece: 100 }],
};

/** Half of the hosts come late. */
export const lateJoiners: Scenario = {
  ...coldPull(8),
  name: "late-joiners",
  about: "Half of the hosts come late.",
  expect: { sourceCopies: 1.02 },
  joinsAtMs: [0, 0, 0, 0, 2000, 3000, 4000, 9000],
};

/** One proven holder, no source access for anybody else. */
export const warmHolder: Scenario = {
  ...coldPull(8),
  name: "warm-holder",
  about: "One proven holder, no source access for anybody else.",
  expect: { sourceCopies: 0, lastRatio: 1.2 },
  holders: 1,
  access: Array.from({ length: 8 }, () => "none" as const),
};

/** The registry takes 3 s for the first byte of every answer. */
export function lateRegistry(hosts: number): Scenario {
  const cold = coldPull(hosts);
  return {
    ...cold,
    name: `late-registry-${String(hosts)}`,
    about: "The registry takes 3 s for the first byte of every answer.",
    expect: {},
    blobBytes: [12 * 1024 * 1024],
    source: { ...cold.source, firstByteMs: 3000 },
  };
}

/** The registry ignores Range. */
export const withoutRange: Scenario = {
  ...coldPull(8),
  name: "without-range",
  about: "The registry ignores Range.",
  expect: { sourceCopies: 1.02, lastRatio: 1.5 },
  source: { ...four.source, ranges: false },
};

/** Only one host may read the source. */
export const oneReader: Scenario = {
  ...coldPull(8),
  name: "one-reader",
  about: "Only one host may read the source.",
  expect: { sourceCopies: 1.02, lastRatio: 1.2 },
  access: ["caller", ...Array.from({ length: 7 }, () => "none" as const)],
};

/** A swarm without a scheduler: everybody reads the source. */
export const noScheduler: Scenario = {
  ...coldPull(2),
  name: "no-scheduler",
  about: "A swarm without a scheduler: everybody reads the source.",
  expect: { sourceCopies: 2.02 },
  scheduler: false,
};

/** Blobs of one piece: one source read, everybody else is fed. */
export const smallBlobs: Scenario = {
  ...coldPull(16),
  name: "small-blobs",
  about: "Blobs of one piece: one source read, everybody else is fed.",
  expect: { sourceCopies: 1 },
  blobBytes: [1000, 200_000, 262_144],
};

/** Every one of these, by name. */
export const TROUBLE: readonly Scenario[] = [
  hostKilled,
  schedulerRestart,
  stalledSource,
  limitedSource,
  lyingHost,
  refusedHost,
  lyingSource,
  lateJoiners,
  warmHolder,
  withoutRange,
  oneReader,
  noScheduler,
  smallBlobs,
];
