/** How many connections each reader of a registry keeps open, and what is being tried. */
export type RegistryConnections = {
  /** Connections of one reader. */
  each: number;
  /** What all readers together got since the present count began. */
  span: { since: number; bytes: number; pieces: number } | undefined;
  /** Rate and connections of one reader before the trial; undefined where nothing is tried. */
  before: { readonly rate: number; readonly each: number } | undefined;
  /** Not tried (again) before this instant. */
  tryAt: number;
};

/** More than this from one host is a burden for a registry, not a help for the host. */
const MAX_CONNECTIONS_EACH = 8;
/** Shorter spans measure how pieces happen to fall together. */
const SPAN_MS = 300;
const SPAN_PIECES = 8;
/** By twos it would take the first pull through a limited registry seconds to find out. */
const FACTOR = 4;
/** How much more it must bring, in tenths: eight connections of a tenth of the link each bring 1.25 × what four of two hosts do. */
const WORTH_TENTHS = 12;
/** While a trial goes on pieces come in turns over more connections: what is over sooner gains nothing by it. */
const WORTH_MS = 6_000;
/** A registry's limits change rarely. */
const TRY_AGAIN_MS = 30_000;

/** The registry let a read down: perhaps it was one too many. What was tried is taken back; what worked before is halved. */
export function noteRefusal(connections: RegistryConnections, now: number): void {
  if (connections.each === 1) return;
  connections.each = connections.before?.each ?? Math.max(1, connections.each >> 1);
  connections.before = undefined;
  connections.span = undefined;
  connections.tryAt = now + TRY_AGAIN_MS;
}

export function newConnections(): RegistryConnections {
  return { each: 1, span: undefined, before: undefined, tryAt: 0 };
}

/**
 * Learns from a piece that came from a registry how many connections are useful.
 *
 *     each ← min(4 × each, MAX_CONNECTIONS_EACH)   on trial, after a span of SPAN_MS and SPAN_PIECES,
 *                                                    where what is left of the blob takes WORTH_MS or more at the present rate
 *     kept ⇔ in the next span all readers together got 1.2 × as much; else as before, and no trial for TRY_AGAIN_MS
 *
 * Where one connection fills the link a second one brings nothing; where the registry limits each one, each one counts.
 */
export function learnConnections(connections: RegistryConnections, bytes: number, leftBytes: number, most: number, now: number): void {
  const { span, before } = connections;
  if (span === undefined || now < span.since) {
    connections.span = { since: now, bytes: 0, pieces: 0 };
    return;
  }
  span.bytes += bytes;
  span.pieces += 1;
  if (now < span.since + SPAN_MS || span.pieces < SPAN_PIECES) return;
  const rate = span.bytes / (now - span.since);
  connections.span = undefined;
  connections.before = undefined;
  if (before !== undefined && rate * 10 < before.rate * WORTH_TENTHS) {
    connections.each = before.each;
    connections.tryAt = now + TRY_AGAIN_MS;
    return;
  }
  if (now < connections.tryAt || leftBytes < rate * WORTH_MS || connections.each >= most || connections.each >= MAX_CONNECTIONS_EACH)
    return;
  connections.before = { rate, each: connections.each };
  connections.each = Math.min(MAX_CONNECTIONS_EACH, connections.each * FACTOR, most);
}
