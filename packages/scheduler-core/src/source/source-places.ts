/** How many stripes of a registry are read at once while blobs take turns at it, and what is being tried. */
export type SourcePlaces = {
  /** Stripes at once. */
  count: number;
  /** Pieces that came with so many; undefined before the first. */
  span: Span | undefined;
  /** How it was before a trial; undefined while nothing is tried. */
  before: { readonly count: number; readonly bytesPerMs: number } | undefined;
  /** Nothing is tried before this instant. */
  tryAt: number;
  /** How long what brought nothing is not tried again. */
  restMs: number;
};

/** Pieces that came since an instant, after those that were begun before. */
type Span = { since: number; arrivals: number; bytes: number };

/** A piece that came while other blobs waited for their turn. */
export type Arrival = {
  readonly bytes: number;
  /** What hosts' links bear, bytes a millisecond; 0 while unknown. */
  readonly linksPerMs: number;
  /** So many places are enough for any registry. */
  readonly most: number;
};

/** One stripe a tree: together they read as one does, and none waits for the other's round trip. */
const LEAST_PLACES = 2;
/** Pieces a place that show what all of them bring; and not fewer than eight, for they come in bursts. */
const PIECES_EACH = 2;
const LEAST_PIECES = 8;
/** To begin a trial fewer will do. */
const LEAST_BEFORE = 6;
/** A fifth is more than noise. */
const WORTH_TENTHS = 12;
/** More at once than this says little of what fewer would do. */
const MOST_TIMES = 8;
/** A trial costs little, and what it was compared with may have been a good moment. */
const TRY_AGAIN_MS = 5_000;
const MAX_REST_MS = 600_000;

/** What a registry that was never read gets. */
export function newPlaces(): SourcePlaces {
  return { count: LEAST_PLACES, span: undefined, before: undefined, tryAt: 0, restMs: TRY_AGAIN_MS };
}

/**
 * Learns how many stripes at once a registry's link takes, by what all of them bring together.
 *
 *     rate  = bytes / time of 2 pieces a place (8 at least, 6 before a trial), after one a place that was begun before
 *     try   ⇔ links bear ≥ 1.2 × rate: places × min(8, links / rate)
 *     paid  ⇔ rate ≥ 1.2 × rate before; else as before, for five seconds, twice as long each time
 */
export function learnPlaces(places: SourcePlaces, { bytes, linksPerMs, most }: Arrival, now: number): void {
  const span = (places.span ??= { since: now, arrivals: 0, bytes: 0 });
  span.arrivals += 1;
  if (span.arrivals <= places.count) {
    span.since = now;
    return;
  }
  span.bytes += bytes;
  const least = places.before === undefined ? LEAST_BEFORE : LEAST_PIECES;
  if (span.arrivals < places.count + Math.max(least, PIECES_EACH * places.count)) return;
  const bytesPerMs = span.bytes / Math.max(1, now - span.since);
  places.span = undefined;
  if (places.before !== undefined) judge(places, bytesPerMs, now);
  if (now < places.tryAt || 10 * linksPerMs < WORTH_TENTHS * bytesPerMs) return;
  const count = Math.min(most, Math.ceil(places.count * Math.min(MOST_TIMES, linksPerMs / bytesPerMs)));
  if (count <= places.count) return;
  places.before = { count: places.count, bytesPerMs };
  places.count = count;
}

/** What was tried, or shown, is too much: the registry let a read down. */
export function takeBackPlaces(places: SourcePlaces, now: number): void {
  if (places.before !== undefined) goBack(places, places.before.count, now);
  else places.count = Math.max(LEAST_PLACES, places.count >> 1);
}

function judge(places: SourcePlaces, bytesPerMs: number, now: number): void {
  const { before } = places;
  if (before === undefined) return;
  if (10 * bytesPerMs < WORTH_TENTHS * before.bytesPerMs) {
    goBack(places, before.count, now);
    return;
  }
  places.before = undefined;
  places.restMs = TRY_AGAIN_MS;
}

function goBack(places: SourcePlaces, count: number, now: number): void {
  places.count = count;
  places.before = undefined;
  places.span = undefined;
  places.tryAt = now + places.restMs;
  places.restMs = Math.min(MAX_REST_MS, 2 * places.restMs);
}
