import type { PullRecord } from "./pull-records.ts";
import { quantile } from "./report.ts";

/** How far a run was at one instant, over all pulls: shares of the blob. */
export type Instant = {
  readonly ms: number;
  /** Held by the slowest tenth at most, the median, and the fastest tenth at least. */
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
  /** Readable in order, in the median. */
  readonly readable: number;
  /** Pulls that have ended. */
  readonly ended: number;
};

/** How the pulls went on, at so many instants from their begin to `endMs`. */
export function progressOf(records: readonly PullRecord[], endMs: number, instants: number): Instant[] {
  return Array.from({ length: instants + 1 }, (_, index) => {
    const ms = (endMs * index) / instants;
    const held = shares(records, ms, ({ pieceMs }) => pieceMs);
    const readable = shares(records, ms, ({ readableMs }) => readableMs);
    const ended = records.filter(({ beganAt, endedAt }) => endedAt !== undefined && endedAt - beganAt <= ms).length;
    return {
      ms,
      p10: quantile(held, 0.1),
      p50: quantile(held, 0.5),
      p90: quantile(held, 0.9),
      readable: quantile(readable, 0.5),
      ended: ended / Math.max(1, records.length),
    };
  });
}

/** What each pull had at an instant, ascending. */
function shares(records: readonly PullRecord[], ms: number, times: (record: PullRecord) => Float32Array): number[] {
  return records.map((record) => countUpTo(times(record), ms) / record.blob.pieces).sort((left, right) => left - right);
}

/** How many of ascending instants are not after `ms`; zeros at the end are pieces that never came. */
function countUpTo(instants: Float32Array, ms: number): number {
  let low = 0;
  let high = instants.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = instants[middle] ?? 0;
    if (at > 0 && at <= ms) low = middle + 1;
    else high = middle;
  }
  return low;
}
