import type { HostId } from "@darner/domain";
import { judgeByAll, judgeByPieces, WORTH_TENTHS } from "./judge-trial.ts";
import { eachOf, isResting, MAX_CONNECTIONS_EACH, newSpan, type RegistryConnections, type Span } from "./registry-connections.ts";

/** A piece that came on one connection. */
export type Sample = {
  readonly reader: HostId;
  readonly bytes: number;
  /** Whether it is the first of its stripe: on a connection that idled what the registry saved up for it comes at once. */
  readonly isFirst: boolean;
  /** When the one before it came, or the first byte of its stripe. */
  readonly since: number;
  /** How long the registry takes for a first byte where it takes long; undefined while nobody knows how much of what the first piece took that was. */
  readonly firstByteMs: number | undefined;
  /** What is left to read of its blob. */
  readonly leftBytes: number;
  /** Connections its reader was told to keep open. */
  readonly told: number;
  /** How many read this registry now. */
  readonly readers: number;
  /** The most connections each of them may have. */
  readonly most: number;
  /** What its reader takes from other hosts meanwhile, bytes a millisecond. */
  readonly fromPeersPerMs: number;
};

/** What connections bring while nothing is tried: one, all together, with what else comes to a reader; and whether a piece takes so long that it shows. */
type Brought = { readonly onePerMs: number; readonly allPerMs: number; readonly takenPerMs: number; readonly isLong: boolean };

/** Shorter spans measure how pieces happen to fall together; a piece that takes longer shows what its connection brings. */
const SPAN_MS = 300;
/** Short pieces for each connection that show what one brings; long ones after which links would have been seen to idle if they did. */
const SHORT_BEFORE = 2;
const LONG_BEFORE = 4;
/** Once a second connection has brought something, by twos it would take the first pull through a limited registry seconds to find out the rest. */
const FACTOR = 4;
/** Of long pieces each shows what its connection brings: as many as pay are found in smaller steps. */
const LONG_FACTOR = 1.5;
/** One more connection shows among so many: 5/4 of what four bring is more than a fifth more. */
const MOST_PROBED = 4;
/** While a trial goes on pieces come in turns over more connections: what is over sooner gains nothing by it. */
const WORTH_MS = 6_000;
/** One reader alone delays nobody's pieces. */
const WORTH_ALONE_MS = 1_500;
/** So many times as much as the source brings is what links bear that wait for it: less may be noise. */
const MUCH = 2;
/** Where connections only share what was there a piece takes no longer than this, or twice as long as before. */
const MOST_PIECE_MS = 5_000;

/**
 * Learns from a piece that came from a registry how many connections are useful.
 *
 *     one     = bytes / time of single connections, after SPAN_MS: a long piece (SPAN_MS or more) shows it; short ones come in bursts: two a connection
 *     brought = one × connections; for short pieces the higher of that and what all brought together
 *     taken   = what one reader takes in: what is brought to all, or its own part and what others pass on to it, whichever is more
 *     where nothing is tried a trial begins, by the first that applies; `judge-trial.ts` says what came of it:
 *       all have each × links / taken     where links idle (`beginWhereIdle`)
 *       all have one more                 where pieces are long; beside other readers when four a connection did not show whether links idle
 *       one reader alone has a second one where pieces are short, among at most MOST_PROBED readers
 *       all have four times as many       where a second one paid, and pieces are short, or one reads alone
 *       all have half as many more        where more than one paid, pieces are long, several read, and hosts were not seen to bear less than that
 *     the last four where what is left of the blob takes WORTH_MS or more; what brought nothing is not repeated for ten minutes, then twice as long, …
 *
 * Where one connection fills the link another one brings nothing, and delays the pieces of all: so it is one first.
 */
export function learnConnections(connections: RegistryConnections, sample: Sample, now: number): void {
  const { trial } = connections;
  const each = eachOf(connections, sample.readers);
  const count = each * sample.readers + (trial?.by === undefined ? 0 : 1);
  // Stripes were dealt ahead: with the next one it hears of more.
  if (trial?.isLong === true && sample.told < Math.min(each, sample.most)) return;
  const span = spanFor(connections, sample, now);
  if (span === undefined) return;
  if (trial?.isLong === true && !span.heard.has(sample.reader)) noteReader(span, sample);
  noteSample(span, sample, count, trial === undefined, now);
  if (span.samples === 0 || span.ms < SPAN_MS) return;
  if (trial === undefined) {
    learnOne(connections, sample, span, count, now);
    return;
  }
  const onePerMs = span.bytes / span.ms;
  const isPaid = (trial.isLong ? judgeByPieces : judgeByAll)(connections, trial, span, count, now);
  if (!isPaid) return;
  const brought = broughtBy(sample, onePerMs, eachOf(connections, sample.readers), trial.isLong);
  if (!beginWhereIdle(connections, sample, brought, now)) beginWithCare(connections, sample, brought, now);
}

/** What was seen so far; undefined where it begins anew, for what fewer or more readers brought is no measure. */
function spanFor(connections: RegistryConnections, { since, readers }: Sample, now: number): Span | undefined {
  const { trial } = connections;
  const span = (connections.span ??= newSpan(since, readers));
  if (span.readers === readers) return span;
  connections.span = newSpan(now, readers);
  // Long pieces tell as much of a trial whoever else reads.
  if (trial === undefined || trial.isLong) return undefined;
  connections.trial = undefined;
  connections.triedAt = now;
  return undefined;
}

/** A reader takes part from now on: what came without it was of fewer connections. */
function noteReader(span: Span, { reader, since }: Sample): void {
  span.heard.add(reader);
  span.since = Math.max(span.since, since);
  span.bytes = span.ms = span.samples = 0;
}

/**
 * The first pieces, one a connection, were on their way before; what began with fewer connections beside it tells nothing of one; and where
 * nothing is tried yet long ones that are the first of their connections came sooner than others will.
 */
function noteSample(span: Span, { since, bytes, isFirst }: Sample, count: number, isBefore: boolean, now: number): void {
  span.arrivals += 1;
  const isSettling = span.arrivals <= count;
  if (isSettling) span.from = now;
  else span.arrived += bytes;
  if (since < span.since || (isBefore && isSettling && isFirst && now - since >= SPAN_MS)) return;
  span.bytes += bytes;
  span.ms += now - since;
  span.samples += 1;
}

function learnOne(connections: RegistryConnections, sample: Sample, span: Span, count: number, now: number): void {
  const isLong = span.ms >= SPAN_MS * span.samples;
  if (span.samples < (isLong ? 1 : SHORT_BEFORE * count)) return;
  // Nobody knows how much of that was the first byte.
  if (isLong && sample.firstByteMs === undefined) {
    connections.span = undefined;
    return;
  }
  const onePerMs = span.bytes / span.ms;
  connections.bytesPerMs = onePerMs;
  connections.bestPerMs = Math.max(connections.bestPerMs, onePerMs);
  const brought = broughtBy(sample, onePerMs, count / sample.readers, isLong);
  if (beginWhereIdle(connections, sample, brought, now)) return;
  if (isLong && sample.readers > 1 && span.samples < LONG_BEFORE * count) return;
  connections.span = undefined;
  const allPerMs = Math.max(brought.allPerMs, span.arrived / Math.max(1, now - span.from));
  beginWithCare(connections, sample, { ...brought, allPerMs }, now);
}

function broughtBy({ readers, fromPeersPerMs }: Sample, onePerMs: number, each: number, isLong: boolean): Brought {
  const allPerMs = onePerMs * each * readers;
  return { onePerMs, allPerMs, takenPerMs: Math.max(allPerMs, onePerMs * each + fromPeersPerMs), isLong };
}

/**
 * A trial where links idle, because readers take less than half of what they bear:
 *
 *     each ← each × links / taken   for all; no more than pieces are left for, and at first no more than make a piece MOST_PIECE_MS, or twice as, long
 *     not where a first byte takes longer than a piece: that is what they wait for, and `overlapping-reads.ts` has a rule for it
 *
 * Where the source's own link is what they wait for it brings nothing, and costs little: they idle anyway.
 */
function beginWhereIdle(connections: RegistryConnections, sample: Sample, brought: Brought, now: number): boolean {
  const { linksPerMs } = connections;
  const { bytes, readers, leftBytes, firstByteMs = 0 } = sample;
  const each = eachOf(connections, readers);
  const times = linksPerMs / brought.takenPerMs;
  const pieceMs = bytes / brought.onePerMs;
  // Where a second one paid, connections are what limits: a fifth more will do.
  if (isResting(connections, each * readers, now) || times < (each === 1 ? MUCH : WORTH_TENTHS / 10) || firstByteMs > pieceMs) return false;
  const bearable = each === 1 ? Math.floor(Math.max(MUCH, MOST_PIECE_MS / pieceMs)) : MAX_CONNECTIONS_EACH;
  return tryWith(connections, Math.min(Math.ceil(each * times), bearable, Math.floor(leftBytes / (bytes * readers))), sample, brought, now);
}

function beginWithCare(connections: RegistryConnections, sample: Sample, brought: Brought, now: number): void {
  const { reader, readers, leftBytes, most } = sample;
  const each = eachOf(connections, readers);
  const { isLong, onePerMs, allPerMs } = brought;
  const isAlone = readers === 1;
  if (isResting(connections, each * readers, now) || leftBytes < allPerMs * (isAlone ? WORTH_ALONE_MS : WORTH_MS)) return;
  if (!isAlone && areFull(connections, each, readers, brought)) return;
  if (each > 1) tryWith(connections, Math.ceil(each * (isLong && !isAlone ? LONG_FACTOR : FACTOR)), sample, brought, now);
  else if (isLong) tryWith(connections, each + 1, sample, brought, now);
  else if (readers <= MOST_PROBED && most > 1) {
    connections.trial = { by: reader, each, isLong, before: { each, bytesPerMs: onePerMs, allPerMs } };
    connections.span = newSpan(now, readers);
  }
}

/** Whether so many connections bring what links bear, as far as anybody saw. */
function areFull({ linksPerMs, bestPerMs }: RegistryConnections, each: number, readers: number, brought: Brought): boolean {
  const { isLong, allPerMs, takenPerMs } = brought;
  // More came than hosts were seen to pass on: they may bear more than that, too.
  if (isLong && each > 1) return WORTH_TENTHS * linksPerMs >= 10 * allPerMs;
  const wasBrought = 10 * linksPerMs < WORTH_TENTHS * Math.max(allPerMs, takenPerMs, bestPerMs * each * readers);
  return linksPerMs > 0 && wasBrought && (isLong || each > 1);
}

/** All readers have so many, on trial; false where that would not be more. */
function tryWith(connections: RegistryConnections, wanted: number, { readers, most }: Sample, brought: Brought, now: number): boolean {
  const each = eachOf(connections, readers);
  const next = Math.min(MAX_CONNECTIONS_EACH, most, wanted);
  if (next <= each) return false;
  const before = { each, bytesPerMs: brought.onePerMs, allPerMs: brought.allPerMs };
  connections.trial = { by: undefined, each: next, isLong: brought.isLong, before };
  connections.span = newSpan(now, readers);
  return true;
}
