/** How many connections each reader of a registry keeps open, and what is being tried. */
export type RegistryConnections = {
  /** Connections of one reader. */
  each: number;
  /** What all readers together got since the present count began. */
  span: { since: number; bytes: number; pieces: number } | undefined;
  /** The rate before the number was doubled; undefined where nothing is tried. */
  before: number | undefined;
  /** Not tried (again) before this instant. */
  tryAt: number;
};

/** More than this from one host is a burden for a registry, not a help for the host. */
const MAX_CONNECTIONS_EACH = 8;
/** Shorter spans measure how pieces happen to fall together. */
const SPAN_MS = 500;
const SPAN_PIECES = 8;
/** How much more it must bring, in tenths. */
const WORTH_TENTHS = 15;
/** A registry's limits change rarely. */
const TRY_AGAIN_MS = 30_000;

export function newConnections(): RegistryConnections {
  return { each: 1, span: undefined, before: undefined, tryAt: 0 };
}

/**
 * Learns from a piece that came from a registry how many connections are useful.
 *
 *     each ← 2 × each   on trial, after a span of SPAN_MS and SPAN_PIECES, up to MAX_CONNECTIONS_EACH
 *     kept ⇔ in the next span all readers together got 1.5 × as much; else each ← each / 2, and no trial for TRY_AGAIN_MS
 *
 * Where one connection fills the link a second one brings nothing; where the registry limits each one, each one counts.
 */
export function learnConnections(connections: RegistryConnections, bytes: number, mayDouble: boolean, now: number): void {
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
  if (before !== undefined && rate * 10 < before * WORTH_TENTHS) {
    connections.each = Math.max(1, connections.each >> 1);
    connections.tryAt = now + TRY_AGAIN_MS;
    return;
  }
  if (now < connections.tryAt || !mayDouble || connections.each >= MAX_CONNECTIONS_EACH) return;
  connections.before = rate;
  connections.each *= 2;
}
