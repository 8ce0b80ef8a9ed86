import type { HostId } from "@darner/domain";

/** How many connections each reader of a registry keeps open, and what is being tried. */
export type RegistryConnections = {
  /** Connections of one reader. */
  each: number;
  /** What one connection brings, bytes a millisecond; 0 while unknown. */
  bytesPerMs: number;
  /** What was seen of single connections since the present count began. */
  span: Span | undefined;
  /** What is tried, and how it was before; undefined where nothing is. */
  trial: Trial | undefined;
  /** Nothing is tried (again) before this instant. */
  tryAt: number;
  /** How long the next trial that brings nothing is not repeated. */
  restMs: number;
};

/** What single connections brought since an instant, while as many hosts read, and what came of all of them together. */
type Span = {
  readonly since: number;
  readonly readers: number;
  bytes: number;
  ms: number;
  samples: number;
  /** Those of them that came on the connections of who alone has one more. */
  readonly probe: { bytes: number; ms: number; samples: number };
  /** Pieces that came of whichever connection; those after the settling ones count from `from` on. */
  arrivals: number;
  from: number;
  arrived: number;
};

/** `by` alone has one connection more, or all have `each`; and what was before: connections of each, what one brought and what all together. */
type Trial = {
  readonly by: HostId | undefined;
  readonly before: { readonly each: number; readonly bytesPerMs: number; readonly allPerMs: number };
};

/** A piece that came on one connection. */
export type Sample = {
  readonly reader: HostId;
  readonly bytes: number;
  /** When the one before it came, or the first byte of its stripe. */
  readonly since: number;
  /** What is left to read of its blob. */
  readonly leftBytes: number;
  /** Connections its reader was told to keep open. */
  readonly told: number;
  /** How many read this registry now. */
  readonly readers: number;
  /** The most connections each of them may have. */
  readonly most: number;
};

/** More than this from one host is a burden for a registry, not a help for the host. */
const MAX_CONNECTIONS_EACH = 8;
/** Shorter spans measure how pieces happen to fall together. */
const SPAN_MS = 300;
/** Once a second connection has brought something, by twos it would take the first pull through a limited registry seconds to find out the rest. */
const FACTOR = 4;
/** A piece that takes longer shows what its connection brings; shorter ones come in bursts. One of 256 KiB takes 839 ms at 2.5 Mbit/s. */
const LONG_MS = 830;
/** Pieces for each connection that show what one brings, and after them such that show what all bring. */
const SAMPLES_BEFORE = 2;
const ARRIVALS = 3;
/** How much more it must bring, in tenths: a fifth is more than noise, and less than what a third connection brings beside two. */
const WORTH_TENTHS = 12;
/** One more connection shows among so many: 5/4 of what four bring is more than a fifth more. */
const MOST_PROBED = 4;
/** While a trial goes on pieces come in turns over more connections: what is over sooner gains nothing by it. */
const WORTH_MS = 6_000;
/** A registry's limits change rarely: what brought nothing is tried again after ten minutes, then after twice as long, up to a day. */
const TRY_AGAIN_MS = 600_000;
const MAX_REST_MS = 86_400_000;

/** What a registry that was never read gets. */
export function newConnections(): RegistryConnections {
  return { each: 1, bytesPerMs: 0, span: undefined, trial: undefined, tryAt: 0, restMs: TRY_AGAIN_MS };
}

/** How many connections a reader is to have. */
export function usefulFor({ each, trial }: RegistryConnections, reader: HostId): number {
  return trial?.by === reader ? each + 1 : each;
}

/** What a piece takes on one connection, at most: while more are tried they may only share what was there before; 0 while unknown. */
export function pieceMsOf({ bytesPerMs, each, trial }: RegistryConnections, bytes: number): number {
  if (bytesPerMs === 0) return 0;
  if (trial === undefined) return Math.ceil(bytes / bytesPerMs);
  const factor = trial.by === undefined ? each / trial.before.each : 2;
  return Math.ceil((bytes * factor) / trial.before.bytesPerMs);
}

/** The registry let a read down: perhaps it was one too many. What was tried is taken back; what worked before is halved. */
export function noteRefusal(connections: RegistryConnections, now: number): void {
  const { trial, each, bytesPerMs } = connections;
  if (each === 1 && trial === undefined) return;
  goBack(connections, trial?.before.each ?? Math.max(1, each >> 1), trial?.before.bytesPerMs ?? bytesPerMs, now);
}

/**
 * Learns from a piece that came from a registry how many connections are useful.
 *
 *     one    = bytes / time of single connections: one piece shows it where it takes LONG_MS; where shorter ones come in bursts, few do not
 *     all    = bytes / time of all pieces together, after the first of each connection; where pieces take LONG_MS
 *              (each + 1) × one of who tries + each × one of every other reader, after two pieces of who tries; of nobody who was not told yet
 *     before = the higher of one × connections and all, after SPAN_MS and SAMPLES_BEFORE pieces a connection
 *              for another number of readers than now in proportion
 *     over   ⇔ one × connections < 1.2 × before, after a piece a connection; so much is soon seen of short pieces
 *     paid   ⇔ not over, and all ≥ 1.2 × before after ARRIVALS pieces a connection, or pieces take LONG_MS
 *     each ← 2              after one reader alone had a second one, and it paid; among at most MOST_PROBED readers
 *     each ← min(4 × each)  for all on trial after that, up to MAX_CONNECTIONS_EACH; kept ⇔ it paid
 *     a trial is begun where what is left of the blob takes WORTH_MS or more; one that brought nothing is not repeated for TRY_AGAIN_MS,
 *     then for twice as long, …
 *
 * Where one connection fills the link another one brings nothing, and delays the pieces of all: so it is one first.
 */
export function learnConnections(connections: RegistryConnections, sample: Sample, now: number): void {
  const { trial } = connections;
  // Stripes were dealt ahead: with the next one it hears of more.
  const isLongPiece = trial !== undefined && sample.bytes >= LONG_MS * trial.before.bytesPerMs;
  if (isLongPiece && sample.told < usefulFor(connections, sample.reader)) return;
  const all = connections.each * sample.readers + (trial?.by === undefined ? 0 : 1);
  const span = (connections.span ??= newSpan(sample.since, sample.readers));
  if (span.readers !== sample.readers) {
    // What fewer, or more, readers brought is no measure for what is tried, unless single pieces show it.
    if (trial !== undefined) {
      const { before } = trial;
      if (!isLongPiece) connections.each = before.each;
      const allPerMs = (before.allPerMs * sample.readers) / span.readers;
      connections.trial = isLongPiece ? { ...trial, before: { ...before, allPerMs } } : undefined;
    }
    connections.span = newSpan(now, sample.readers);
    return;
  }
  noteArrival(span, sample.bytes, all, now);
  // What began with fewer, or more, connections beside it tells nothing of one.
  if (sample.since >= span.since) {
    for (const part of trial?.by === sample.reader ? [span, span.probe] : [span]) {
      part.bytes += sample.bytes;
      part.ms += now - sample.since;
      part.samples += 1;
    }
  }
  const isLong = span.ms >= LONG_MS * span.samples;
  if (span.ms < SPAN_MS || span.samples < (trial !== undefined ? all : isLong ? 1 : SAMPLES_BEFORE * all)) return;
  const bytesPerMs = span.bytes / span.ms;
  if (isLong && trial?.by !== undefined && span.probe.samples < SAMPLES_BEFORE) return;
  const allPerMs = isLong ? totalOf(connections, span, all) : span.arrived / Math.max(1, now - span.from);
  if (trial !== undefined) {
    const worth = (trial.before.allPerMs * WORTH_TENTHS) / 10;
    const isSeen = isLong || span.arrivals >= all + (trial.by === undefined ? all : ARRIVALS * all);
    if ((!isLong && bytesPerMs * all < worth) || (isSeen && allPerMs < worth)) {
      goBack(connections, trial.before.each, trial.before.bytesPerMs, now);
      return;
    }
    if (!isSeen) return;
  }
  connections.span = undefined;
  connections.trial = undefined;
  connections.bytesPerMs = bytesPerMs;
  if (trial !== undefined) connections.restMs = TRY_AGAIN_MS;
  const isProven = trial?.by !== undefined || connections.each > 1;
  if (trial?.by !== undefined) connections.each = 2;
  if (now < connections.tryAt || sample.leftBytes < bytesPerMs * all * WORTH_MS) return;
  begin(connections, { ...sample, allPerMs: Math.max(bytesPerMs * all, allPerMs), isProven }, now);
}

/** What all bring, by what one connection of who tries one more brings, and one of each other reader. */
function totalOf({ each, trial }: RegistryConnections, { bytes, ms, samples, probe }: Span, all: number): number {
  if (trial?.by === undefined) return (bytes / ms) * all;
  const probed = (probe.bytes / probe.ms) * (each + 1);
  return samples === probe.samples ? probed : probed + ((bytes - probe.bytes) / (ms - probe.ms)) * (all - each - 1);
}

/** The first ones, as many as are to settle, were on their way before; from the last of them on all count. */
function noteArrival(span: Span, bytes: number, settling: number, now: number): void {
  span.arrivals += 1;
  if (span.arrivals <= settling) span.from = now;
  else span.arrived += bytes;
}

function begin(
  connections: RegistryConnections,
  { reader, readers, most, allPerMs, isProven }: Sample & { readonly allPerMs: number; readonly isProven: boolean },
  now: number,
): void {
  const { each, bytesPerMs } = connections;
  const next = isProven ? Math.min(MAX_CONNECTIONS_EACH, each * FACTOR, most) : Math.min(each + 1, most);
  if (next <= each || (!isProven && readers > MOST_PROBED)) return;
  connections.trial = { by: isProven ? undefined : reader, before: { each, bytesPerMs, allPerMs } };
  if (isProven) connections.each = next;
  connections.span = newSpan(now, readers);
}

function newSpan(since: number, readers: number): Span {
  return { since, readers, bytes: 0, ms: 0, samples: 0, probe: { bytes: 0, ms: 0, samples: 0 }, arrivals: 0, from: since, arrived: 0 };
}

function goBack(connections: RegistryConnections, each: number, bytesPerMs: number, now: number): void {
  connections.each = each;
  connections.bytesPerMs = bytesPerMs;
  connections.trial = undefined;
  connections.span = undefined;
  connections.tryAt = now + connections.restMs;
  connections.restMs = Math.min(MAX_REST_MS, 2 * connections.restMs);
}
