/** A rate measured from reports. */
export type Meter = {
  /** Bytes per second; 0 while unknown. */
  bytesPerSecond: number;
  /** When the span being measured began. */
  since: number;
  /** Bytes in that span. */
  bytes: number;
};

// Reports come in batches: a span shorter than this measures the batching, not the link.
const MIN_SPAN_MS = 250;
// A span this long was mostly a pause.
const MAX_SPAN_MS = 5_000;

export function newMeter(): Meter {
  return { bytesPerSecond: 0, since: -Infinity, bytes: 0 };
}

/**
 * Counts bytes that were reported now.
 *
 *     rate ← (rate + bytes / span) / 2 at the end of each span of 0.25 s … 5 s
 */
export function measure(meter: Meter, bytes: number, now: number): void {
  const span = now - meter.since;
  if (span < 0 || span > MAX_SPAN_MS) {
    beginSpan(meter, now);
    return;
  }
  meter.bytes += bytes;
  if (span < MIN_SPAN_MS) return;
  const latest = Math.floor((meter.bytes * 1000) / span);
  meter.bytesPerSecond = meter.bytesPerSecond === 0 ? latest : Math.floor((meter.bytesPerSecond + latest) / 2);
  beginSpan(meter, now);
}

/** The rate, where something was measured lately; else 0. */
export function freshRate({ bytesPerSecond, since }: Meter, now: number): number {
  return now - since > MAX_SPAN_MS ? 0 : bytesPerSecond;
}

/** Measures from now on: what lies before was a pause. */
export function beginSpan(meter: Meter, now: number): void {
  meter.since = now;
  meter.bytes = 0;
}
