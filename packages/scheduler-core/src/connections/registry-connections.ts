import type { HostId } from "@darner/domain";

/** How many connections the readers of a registry keep open, and what is being tried. */
export type RegistryConnections = {
  /** Connections that all readers together have use for: who reads alone has all of them, of many readers each has a part. */
  all: number;
  /** What one connection brings, bytes a millisecond; 0 while unknown. */
  bytesPerMs: number;
  /** The most that it brought: what one shares with other traffic is less than what the registry allows. */
  bestPerMs: number;
  /** What hosts' links bear, by how soon one had what another had just read, bytes a millisecond; 0 while unknown. */
  linksPerMs: number;
  /** What was seen of single connections since the present count began. */
  span: Span | undefined;
  /** What is tried, and how it was before; undefined where nothing is. */
  trial: Trial | undefined;
  /** When the last trial ended: what began before was read beside another number of connections. */
  triedAt: number;
  /** Nothing is tried (again) before this instant, by as many as `enough`, or more. */
  tryAt: number;
  /** To so many connections of all readers together nothing is added that brings more. */
  enough: number;
  /** How long the next trial that brings nothing is not repeated. */
  restMs: number;
};

/** What single connections brought since an instant, while as many hosts read, and what came of all of them together. */
export type Span = {
  since: number;
  readonly readers: number;
  /** In a trial with long pieces: who was seen to take part; at most as many as read. */
  readonly heard: Set<HostId>;
  bytes: number;
  ms: number;
  samples: number;
  /** Pieces that came of whichever connection; those after the settling ones count from `from` on. */
  arrivals: number;
  from: number;
  arrived: number;
};

/** `by` alone has one connection more, or all have `each`; and what was before: connections of each, what one brought and what all together. */
export type Trial = {
  readonly by: HostId | undefined;
  /** Connections of each reader, but for the one that tries alone. */
  readonly each: number;
  /** Whether each piece shows what its connection brings. */
  readonly isLong: boolean;
  readonly before: { readonly each: number; readonly bytesPerMs: number; readonly allPerMs: number };
};

/** More than this from one host is a burden for a registry, not a help for the host. */
export const MAX_CONNECTIONS_EACH = 8;
/** Who a host sends a piece to at once: it passes at half of what a link bears. */
const CHILDREN = 2;
/** What is sooner is how two event loops fall together. */
const LEAST_PASSING_MS = 5;
/** A registry's limits change rarely: what brought nothing is tried again after ten minutes, then after twice as long, up to a day. */
const TRY_AGAIN_MS = 600_000;
const MAX_REST_MS = 86_400_000;

/** What a registry that was never read gets. */
export function newConnections(): RegistryConnections {
  return {
    all: 1,
    bytesPerMs: 0,
    bestPerMs: 0,
    linksPerMs: 0,
    span: undefined,
    trial: undefined,
    triedAt: 0,
    tryAt: 0,
    enough: Infinity,
    restMs: TRY_AGAIN_MS,
  };
}

/**
 * How many connections each of so many readers has.
 *
 *     each = what is tried, else max(1, min(8, all / readers, rounded up))
 *
 * What limits a registry's connections does not ask who has them: what eight hosts learnt together serves one that comes alone.
 */
export function eachOf({ all, trial }: RegistryConnections, readers: number): number {
  return trial?.each ?? Math.min(MAX_CONNECTIONS_EACH, Math.max(1, Math.ceil(all / Math.max(1, readers))));
}

/** How many connections a reader is to have, of so many. */
export function usefulFor(connections: RegistryConnections, reader: HostId, readers: number): number {
  return eachOf(connections, readers) + (connections.trial?.by === reader ? 1 : 0);
}

/** What a piece takes on one connection, at most: while more are tried they may only share what was there before; 0 while unknown. */
export function pieceMsOf({ bytesPerMs, trial }: RegistryConnections, bytes: number): number {
  if (bytesPerMs === 0) return 0;
  if (trial === undefined) return Math.ceil(bytes / bytesPerMs);
  const factor = trial.by === undefined ? trial.each / trial.before.each : 2;
  return Math.ceil((bytes * factor) / trial.before.bytesPerMs);
}

/**
 * Learns from a piece that went on from its reader to another host before that reader had the next one.
 *
 *     links = the most of 2 × bytes / ms: a host sends to two at once
 */
export function notePassing(connections: RegistryConnections, bytes: number, ms: number): void {
  if (ms <= 0) return;
  connections.linksPerMs = Math.max(connections.linksPerMs, (CHILDREN * bytes) / Math.max(LEAST_PASSING_MS, ms));
}

/** The registry let a read down: perhaps it was one too many. What was tried is taken back; what worked before is halved. */
export function noteRefusal(connections: RegistryConnections, readers: number, now: number): void {
  const { trial, bytesPerMs } = connections;
  const each = trial?.before.each ?? eachOf(connections, readers);
  if (each === 1 && trial === undefined) return;
  const left = trial === undefined ? each >> 1 : each;
  if (left < each) connections.all = left * Math.max(1, readers);
  goBack(connections, left, readers, trial?.before.bytesPerMs ?? bytesPerMs, now);
}

/** More than `each` of so many readers brought nothing, or had to be given back: as it was before, for a time. */
export function goBack(connections: RegistryConnections, each: number, readers: number, bytesPerMs: number, now: number): void {
  endTrial(connections, bytesPerMs, now);
  rest(connections, each * readers, now);
  connections.restMs = Math.min(MAX_REST_MS, 2 * connections.restMs);
}

/** A trial paid: what it showed holds from now on, for so many readers. */
export function keep(connections: RegistryConnections, each: number, readers: number, bytesPerMs: number, now: number): void {
  connections.all = each * readers;
  connections.restMs = TRY_AGAIN_MS;
  endTrial(connections, bytesPerMs, now);
}

function endTrial(connections: RegistryConnections, bytesPerMs: number, now: number): void {
  connections.bytesPerMs = bytesPerMs;
  connections.trial = undefined;
  connections.span = undefined;
  connections.triedAt = now;
}

/** So many connections are enough for now. */
export function rest(connections: RegistryConnections, enough: number, now: number): void {
  connections.enough = enough;
  connections.tryAt = now + connections.restMs;
}

/** Whether nothing is to be added to so many connections now. */
export function isResting({ tryAt, enough }: RegistryConnections, all: number, now: number): boolean {
  return now < tryAt && all >= enough;
}

export function newSpan(since: number, readers: number): Span {
  return { since, readers, heard: new Set(), bytes: 0, ms: 0, samples: 0, arrivals: 0, from: since, arrived: 0 };
}
