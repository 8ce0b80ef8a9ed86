import type { HostId } from "@darner/domain";
import { judgeByAll, judgeByPieces, WORTH_TENTHS } from "./judge-trial.ts";
import { newSpan, type RegistryConnections, type Span } from "./registry-connections.ts";

/** A piece that came on one connection. */
export type Sample = {
  readonly reader: HostId;
  readonly bytes: number;
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
};

/** What connections bring while nothing is tried: one, all together, and whether a piece takes so long that it shows. */
type Brought = { readonly onePerMs: number; readonly allPerMs: number; readonly isLong: boolean };

/** More than this from one host is a burden for a registry, not a help for the host. */
const MAX_CONNECTIONS_EACH = 8;
/** Shorter spans measure how pieces happen to fall together; a piece that takes longer shows what its connection brings. */
const SPAN_MS = 300;
/** Short pieces for each connection that show what one brings; long ones after which links would have been seen to idle if they did. */
const SHORT_BEFORE = 2;
const LONG_BEFORE = 4;
/** Once a second connection has brought something, by twos it would take the first pull through a limited registry seconds to find out the rest. */
const FACTOR = 4;
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
 *     where nothing is tried a trial begins, by the first that applies; `judge-trial.ts` says what came of it:
 *       all have each × links / brought   where links idle (`beginWhereIdle`)
 *       all have one more                 where pieces are long; beside other readers when four a connection did not show whether links idle
 *       one reader alone has a second one where pieces are short, among at most MOST_PROBED readers
 *       all have four times as many       where a second one paid, and pieces are short, or one reads alone
 *     the last three where what is left of the blob takes WORTH_MS or more; what brought nothing is not repeated for ten minutes, then twice as long, …
 *
 * Where one connection fills the link another one brings nothing, and delays the pieces of all: so it is one first.
 */
export function learnConnections(connections: RegistryConnections, sample: Sample, now: number): void {
  const { trial, each } = connections;
  const count = each * sample.readers + (trial?.by === undefined ? 0 : 1);
  // Stripes were dealt ahead: with the next one it hears of more.
  if (trial?.isLong === true && sample.told < Math.min(each, sample.most)) return;
  const span = spanFor(connections, sample, now);
  if (span === undefined) return;
  if (trial?.isLong === true && !span.heard.has(sample.reader)) noteReader(span, sample);
  noteSample(span, sample, count, now);
  if (span.samples === 0 || span.ms < SPAN_MS) return;
  if (trial === undefined) {
    learnOne(connections, sample, span, count, now);
    return;
  }
  const onePerMs = span.bytes / span.ms;
  const isPaid = (trial.isLong ? judgeByPieces : judgeByAll)(connections, trial, span, count, now);
  if (!isPaid) return;
  const brought = { onePerMs, allPerMs: onePerMs * connections.each * sample.readers, isLong: trial.isLong };
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
  connections.each = trial.before.each;
  connections.trial = undefined;
  return undefined;
}

/** A reader takes part from now on: what came without it was of fewer connections. */
function noteReader(span: Span, { reader, since }: Sample): void {
  span.heard.add(reader);
  span.since = Math.max(span.since, since);
  span.bytes = span.ms = span.samples = 0;
}

/** The first pieces, one a connection, were on their way before; and what began with fewer connections beside it tells nothing of one. */
function noteSample(span: Span, { since, bytes }: Sample, count: number, now: number): void {
  span.arrivals += 1;
  if (span.arrivals <= count) span.from = now;
  else span.arrived += bytes;
  if (since < span.since) return;
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
  if (beginWhereIdle(connections, sample, { onePerMs, allPerMs: onePerMs * count, isLong }, now)) return;
  if (isLong && sample.readers > 1 && span.samples < LONG_BEFORE * count) return;
  connections.span = undefined;
  const allPerMs = Math.max(onePerMs * count, span.arrived / Math.max(1, now - span.from));
  beginWithCare(connections, sample, { onePerMs, allPerMs, isLong }, now);
}

/**
 * A trial where links idle, because the source brings less than half of what they bear:
 *
 *     each ← each × links / brought   for all; no more than pieces are left for, and at first no more than make a piece MOST_PIECE_MS, or twice as, long
 *     not where a first byte takes longer than a piece: that is what they wait for, and `overlapping-reads.ts` has a rule for it
 *
 * Where the source's own link is what they wait for it brings nothing, and costs little: they idle anyway.
 */
function beginWhereIdle(connections: RegistryConnections, sample: Sample, brought: Brought, now: number): boolean {
  const { each, linksPerMs } = connections;
  const { bytes, readers, leftBytes, firstByteMs = 0 } = sample;
  const times = linksPerMs / brought.allPerMs;
  const pieceMs = bytes / brought.onePerMs;
  // Where a second one paid, connections are what limits: a fifth more will do.
  if (now < connections.tryAt || times < (each === 1 ? MUCH : WORTH_TENTHS / 10) || firstByteMs > pieceMs) return false;
  const bearable = each === 1 ? Math.floor(Math.max(MUCH, MOST_PIECE_MS / pieceMs)) : MAX_CONNECTIONS_EACH;
  return tryWith(connections, Math.min(Math.ceil(each * times), bearable, Math.floor(leftBytes / (bytes * readers))), sample, brought, now);
}

function beginWithCare(connections: RegistryConnections, sample: Sample, brought: Brought, now: number): void {
  const { each, linksPerMs, bestPerMs } = connections;
  const { reader, readers, leftBytes, most } = sample;
  const { isLong, onePerMs, allPerMs } = brought;
  const isAlone = readers === 1;
  if (now < connections.tryAt || leftBytes < allPerMs * (isAlone ? WORTH_ALONE_MS : WORTH_MS)) return;
  // As much came on as many connections before as hosts pass on.
  const areFull = linksPerMs > 0 && 10 * linksPerMs < WORTH_TENTHS * Math.max(allPerMs, bestPerMs * each * readers);
  if (!isAlone && ((isLong && each > 1) || (areFull && (isLong || each > 1)))) return;
  if (each > 1) tryWith(connections, each * FACTOR, sample, brought, now);
  else if (isLong) tryWith(connections, each + 1, sample, brought, now);
  else if (readers <= MOST_PROBED && most > 1) {
    connections.trial = { by: reader, isLong, before: { each, bytesPerMs: onePerMs, allPerMs } };
    connections.span = newSpan(now, readers);
  }
}

/** All readers have so many, on trial; false where that would not be more. */
function tryWith(connections: RegistryConnections, wanted: number, { readers, most }: Sample, brought: Brought, now: number): boolean {
  const { each } = connections;
  const next = Math.min(MAX_CONNECTIONS_EACH, most, wanted);
  if (next <= each) return false;
  connections.trial = { by: undefined, isLong: brought.isLong, before: { each, bytesPerMs: brought.onePerMs, allPerMs: brought.allPerMs } };
  connections.each = next;
  connections.span = newSpan(now, readers);
  return true;
}
