import type { Scenario } from "../scenario.ts";
import { coldPull } from "./cold-pull.ts";

const four = coldPull(4);

/** One of four hosts dies in the middle. */
export const hostKilled: Scenario = { ...four, name: "host-killed", faults: [{ type: "host-killed", atMs: 2500, host: 1 }] };

/** The scheduler dies in the middle; the next one knows nothing. */
export const schedulerRestart: Scenario = {
  ...four,
  name: "scheduler-restart",
  faults: [{ type: "scheduler-restarted", atMs: 2000, downMs: 3000 }],
};

/** One reader's source read stalls without a word. */
export const stalledSource: Scenario = {
  ...four,
  name: "stalled-source",
  faults: [{ type: "source-stalls", atMs: 1000, forMs: 600_000, host: 2 }],
};

/** The registry wants to be left alone for a while. */
export const limitedSource: Scenario = {
  ...four,
  name: "limited-source",
  faults: [{ type: "source-limits", atMs: 1500, forMs: 2000, retryAfterMs: 2000 }],
};

/** One host sends wrong bytes for a while. */
export const lyingHost: Scenario = { ...four, name: "lying-host", faults: [{ type: "host-lies", atMs: 500, forMs: 3000, host: 0 }] };

/** One credential is refused in the middle. */
export const refusedHost: Scenario = { ...four, name: "refused-host", faults: [{ type: "source-refuses", atMs: 1000, host: 3 }] };

/** The registry sends one wrong piece for a while, the same to all: no proof can succeed on it. */
export const lyingSource: Scenario = {
  ...four,
  name: "lying-source",
  faults: [{ type: "source-lies", atMs: 0, forMs: 3000, piece: 100 }],
};

/** Half of the hosts come late. */
export const lateJoiners: Scenario = { ...coldPull(8), name: "late-joiners", joinsAtMs: [0, 0, 0, 0, 2000, 3000, 4000, 9000] };

/** One proven holder, no source access for anybody else. */
export const warmHolder: Scenario = {
  ...coldPull(8),
  name: "warm-holder",
  holders: 1,
  access: Array.from({ length: 8 }, () => "none" as const),
};

/** The registry takes 3 s for the first byte of every answer. */
export function lateRegistry(hosts: number): Scenario {
  const cold = coldPull(hosts);
  return { ...cold, name: `late-registry-${String(hosts)}`, blobBytes: [12 * 1024 * 1024], source: { ...cold.source, firstByteMs: 3000 } };
}

/** The registry ignores Range. */
export const withoutRange: Scenario = { ...coldPull(8), name: "without-range", source: { ...four.source, ranges: false } };

/** Only one host may read the source. */
export const oneReader: Scenario = {
  ...coldPull(8),
  name: "one-reader",
  access: ["caller", ...Array.from({ length: 7 }, () => "none" as const)],
};

/** A swarm without a scheduler: everybody reads the source. */
export const noScheduler: Scenario = { ...coldPull(2), name: "no-scheduler", scheduler: false };

/** Blobs of one piece: one source read, everybody else is fed. */
export const smallBlobs: Scenario = { ...coldPull(16), name: "small-blobs", blobBytes: [1000, 200_000, 262_144] };

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
