import type { Scenario } from "../scenario.ts";

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
};

/** The same scenario with other figures. */
export function adjusted(scenario: Scenario, wanted: Adjustments): Scenario {
  const { source } = scenario;
  const blobs = wanted.blobs ?? scenario.blobBytes.length;
  return {
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
    ...(wanted.slicesPerPiece === undefined ? {} : { slicesPerPiece: wanted.slicesPerPiece }),
  };
}
