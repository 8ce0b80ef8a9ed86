import { measure, newMeter, type Meter } from "./measured-rate.ts";

/** How many connections each reader of a registry keeps open, and what is being tried. */
export type RegistryConnections = {
  /** What all readers together get from it. */
  readonly meter: Meter;
  /** Connections of one reader. */
  each: number;
  /** The rate before the number was doubled, and when that was; undefined where nothing is tried. */
  trial: { readonly bytesPerSecond: number; readonly since: number } | undefined;
  /** Not tried (again) before this instant. */
  tryAt: number | undefined;
};

/** More than this from one host is a burden for a registry, not a help for the host. */
const MAX_CONNECTIONS_EACH = 8;
/** Two spans of the measurement: the first one still has some of what was before. */
const TRIAL_MS = 550;
/** How much more it must bring, in tenths. */
const WORTH_TENTHS = 14;
/** A registry's limits change rarely. */
const TRY_AGAIN_MS = 30_000;

export function newConnections(): RegistryConnections {
  return { meter: newMeter(), each: 1, trial: undefined, tryAt: undefined };
}

/**
 * Learns from bytes that came from a registry how many connections are useful.
 *
 *     each ← 2 × each   on trial, TRIAL_MS after the first bytes or the last success, up to MAX_CONNECTIONS_EACH
 *     kept ⇔ TRIAL_MS later the rate of all is 1.4 × what it was; else each ← each / 2, and no trial for TRY_AGAIN_MS
 *
 * Where one connection fills the link a second one brings nothing; where the registry limits each one, each one counts.
 */
export function learnConnections(connections: RegistryConnections, bytes: number, mayDouble: boolean, now: number): void {
  const { meter, trial } = connections;
  measure(meter, bytes, now);
  connections.tryAt ??= now + TRIAL_MS;
  if (trial !== undefined) {
    if (now < trial.since + TRIAL_MS) return;
    connections.trial = undefined;
    connections.tryAt = now;
    if (meter.bytesPerSecond * 10 < trial.bytesPerSecond * WORTH_TENTHS) {
      connections.each = Math.max(1, connections.each >> 1);
      connections.tryAt = now + TRY_AGAIN_MS;
    }
  }
  if (now < connections.tryAt || !mayDouble || meter.bytesPerSecond === 0 || connections.each >= MAX_CONNECTIONS_EACH) return;
  connections.trial = { bytesPerSecond: meter.bytesPerSecond, since: now };
  connections.each *= 2;
}
