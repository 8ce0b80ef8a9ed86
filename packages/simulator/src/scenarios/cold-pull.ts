import type { Scenario } from "../scenario.ts";

const MIB = 1024 * 1024;
/** 100 Mbit/s. */
export const LINK: number = 12_500_000;

/** N hosts with equal links pull one cold blob of 64 MiB at once. */
export function coldPull(hosts: number): Scenario {
  return {
    name: "cold-pull",
    about: "Hosts with equal links pull one cold blob at once.",
    blobBytes: [64 * MIB],
    hosts,
    upBytesPerSecond: LINK,
    downBytesPerSecond: LINK,
    latencyMs: 1,
    source: { bytesPerSecond: LINK, bytesPerSecondPerConnection: 0, ranges: true },
    joinsAtMs: [],
    holders: 0,
    access: [],
    schedulers: 1,
    faults: [],
    expect: { lastRatio: 1.15, medianRatio: 1.1, sourceCopies: 1.02, messagesPerPiece: 0.2 },
  };
}
