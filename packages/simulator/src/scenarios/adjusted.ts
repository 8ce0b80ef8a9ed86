import type { Fault } from "../fault.ts";
import { lowerBoundMs } from "../report/lower-bound.ts";
import type { Racks, Scenario } from "../scenario.ts";

// Longer than any run.
const ALWAYS_MS = 3_600_000_000;

/** What a caller wants different in a scenario; left out: as it is. */
export type Adjustments = {
  readonly hosts?: number;
  /** Size of every blob. */
  readonly blobBytes?: number;
  /** How many blobs of that size. */
  readonly blobs?: number;
  readonly upBytesPerSecond?: number;
  readonly downBytesPerSecond?: number;
  readonly sourceBytesPerSecond?: number;
  readonly sourceBytesPerSecondPerConnection?: number;
  readonly latencyMs?: number;
  readonly slicesPerPiece?: number;
  readonly joinSpreadMs?: number;
  /** This share of the hosts dies in the middle. */
  readonly lostShare?: number;
  /** This share of the hosts sends wrong bytes only. */
  readonly liarShare?: number;
  /** So many racks, each behind a link of a tenth of what its hosts have together. */
  readonly racks?: number;
};

/** The same scenario with other figures. */
export function adjusted(scenario: Scenario, wanted: Adjustments): Scenario {
  const { source } = scenario;
  const blobs = wanted.blobs ?? scenario.blobBytes.length;
  const { slicesPerPiece, joinSpreadMs } = wanted;
  const other: Scenario = {
    ...scenario,
    hosts: wanted.hosts ?? scenario.hosts,
    blobBytes: Array.from(
      { length: blobs },
      (_, number) => wanted.blobBytes ?? scenario.blobBytes[number % scenario.blobBytes.length] ?? 0,
    ),
    upBytesPerSecond: wanted.upBytesPerSecond ?? scenario.upBytesPerSecond,
    downBytesPerSecond: wanted.downBytesPerSecond ?? scenario.downBytesPerSecond,
    latencyMs: wanted.latencyMs ?? scenario.latencyMs,
    source: {
      ...source,
      bytesPerSecond: wanted.sourceBytesPerSecond ?? source.bytesPerSecond,
      bytesPerSecondPerConnection: wanted.sourceBytesPerSecondPerConnection ?? source.bytesPerSecondPerConnection,
    },
    ...(slicesPerPiece === undefined ? {} : { slicesPerPiece }),
    ...(joinSpreadMs === undefined ? {} : { joinSpreadMs }),
    ...(wanted.racks === undefined ? {} : { racks: racksOf(scenario, wanted.racks, wanted) }),
  };
  return { ...other, faults: [...scenario.faults, ...addedFaults(other, wanted)] };
}

function racksOf({ hosts, upBytesPerSecond }: Scenario, count: number, wanted: Adjustments): Racks {
  const together = ((wanted.upBytesPerSecond ?? upBytesPerSecond) * (wanted.hosts ?? hosts)) / count;
  return { count, bytesPerSecond: Math.round(together / 10) };
}

function addedFaults(scenario: Scenario, { lostShare, liarShare }: Adjustments): Fault[] {
  const middleMs = Math.round(lowerBoundMs(scenario) / 2);
  return [
    ...(lostShare === undefined ? [] : [{ type: "hosts-killed" as const, atMs: middleMs, who: { share: lostShare } }]),
    ...(liarShare === undefined ? [] : [{ type: "hosts-lie" as const, atMs: 0, forMs: ALWAYS_MS, who: { share: liarShare } }]),
  ];
}
