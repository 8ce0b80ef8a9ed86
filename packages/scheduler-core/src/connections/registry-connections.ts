import type { HostId } from "@darner/domain";

/** How many connections each reader of a registry keeps open, and what is being tried. */
export type RegistryConnections = {
  /** Connections of one reader. */
  each: number;
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
  /** Nothing is tried (again) before this instant. */
  tryAt: number;
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
  /** Whether each piece shows what its connection brings. */
  readonly isLong: boolean;
  readonly before: { readonly each: number; readonly bytesPerMs: number; readonly allPerMs: number };
};

/** Who a host sends a piece to at once: it passes at half of what a link bears. */
const CHILDREN = 2;
/** What is sooner is how two event loops fall together. */
const LEAST_PASSING_MS = 5;
/** A registry's limits change rarely: what brought nothing is tried again after ten minutes, then after twice as long, up to a day. */
const TRY_AGAIN_MS = 600_000;
const MAX_REST_MS = 86_400_000;

/** What a registry that was never read gets. */
export function newConnections(): RegistryConnections {
  return { each: 1, bytesPerMs: 0, bestPerMs: 0, linksPerMs: 0, span: undefined, trial: undefined, tryAt: 0, restMs: TRY_AGAIN_MS };
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
export function noteRefusal(connections: RegistryConnections, now: number): void {
  const { trial, each, bytesPerMs } = connections;
  if (each === 1 && trial === undefined) return;
  goBack(connections, trial?.before.each ?? Math.max(1, each >> 1), trial?.before.bytesPerMs ?? bytesPerMs, now);
}

/** A trial brought nothing: as it was before, for a time. */
export function goBack(connections: RegistryConnections, each: number, bytesPerMs: number, now: number): void {
  connections.each = each;
  connections.bytesPerMs = bytesPerMs;
  connections.trial = undefined;
  connections.span = undefined;
  connections.tryAt = now + connections.restMs;
  connections.restMs = Math.min(MAX_REST_MS, 2 * connections.restMs);
}

/** A trial paid: what it showed holds from now on. */
export function keep(connections: RegistryConnections, each: number, bytesPerMs: number): void {
  connections.each = each;
  connections.bytesPerMs = bytesPerMs;
  connections.trial = undefined;
  connections.span = undefined;
  connections.restMs = TRY_AGAIN_MS;
}

export function newSpan(since: number, readers: number): Span {
  return { since, readers, heard: new Set(), bytes: 0, ms: 0, samples: 0, arrivals: 0, from: since, arrived: 0 };
}
