import { goBack, keep, rest, type RegistryConnections, type Span, type Trial } from "./registry-connections.ts";

/** How much more it must bring, in tenths: a fifth is more than noise, and less than what a third connection brings beside two. */
export const WORTH_TENTHS = 12;
/** Where more than one paid, connections are what limits: of long pieces a tenth is more than noise. */
const WORTH_MORE_TENTHS = 11;
/** Short pieces for each connection that show what all bring, after one of each that was on its way before. */
const ARRIVALS = 3;

/**
 * What came of a trial with short pieces, as soon as it can be told.
 *
 *     one  = bytes / time of single connections, after a piece a connection: so much is soon seen of short pieces
 *     all  = bytes / time of all pieces together, after the first of each connection
 *     over ⇔ one × connections < 1.2 × before
 *     paid ⇔ not over, and all ≥ 1.2 × before after ARRIVALS pieces a connection where one reader tries, one where all do
 *     each ← 2 where one reader had a second one
 */
export function judgeByAll(connections: RegistryConnections, { by, each, before }: Trial, span: Span, count: number, now: number): boolean {
  const { samples, readers } = span;
  if (samples < count) return false;
  const bytesPerMs = span.bytes / span.ms;
  const allPerMs = span.arrived / Math.max(1, now - span.from);
  const worth = (before.allPerMs * WORTH_TENTHS) / 10;
  const isSeen = span.arrivals >= count + (by === undefined ? count : ARRIVALS * count);
  if (bytesPerMs * count < worth || (isSeen && allPerMs < worth)) goBack(connections, before.each, readers, before.bytesPerMs, now);
  else if (isSeen) keep(connections, by === undefined ? each : 2, readers, bytesPerMs, now);
  return connections.trial === undefined && connections.all > before.each * readers;
}

/**
 * The same with long pieces, which show what each connection brings: how many read beside each other is then all the same.
 *
 *     after a piece a connection, begun since the last of the readers was told of it
 *     paid ⇔ one × each ≥ 1.2 × before, 1.1 × where more than one paid before
 *     each ← each × one / one before: for what they bring together so many are enough, and more would make each piece later
 */
export function judgeByPieces(connections: RegistryConnections, { each, before }: Trial, span: Span, count: number, now: number): boolean {
  const { samples, readers } = span;
  if (samples < count || span.heard.size < readers) return false;
  const bytesPerMs = span.bytes / span.ms;
  const worthTenths = before.each === 1 ? WORTH_TENTHS : WORTH_MORE_TENTHS;
  const isPaid = 10 * each * bytesPerMs >= worthTenths * before.each * before.bytesPerMs;
  if (!isPaid) {
    goBack(connections, before.each, readers, before.bytesPerMs, now);
    return false;
  }
  const enough = Math.min(each, Math.ceil((each * bytesPerMs) / before.bytesPerMs));
  keep(connections, enough, readers, bytesPerMs, now);
  // Fewer than were tried fill what there is.
  if (enough < each) rest(connections, connections.all, now);
  return true;
}
