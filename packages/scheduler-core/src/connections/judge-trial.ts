import { goBack, keep, type RegistryConnections, type Span, type Trial } from "./registry-connections.ts";

/** How much more it must bring, in tenths: a fifth is more than noise, and less than what a third connection brings beside two. */
export const WORTH_TENTHS = 12;
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
export function judgeByAll(connections: RegistryConnections, { by, before }: Trial, span: Span, count: number, now: number): boolean {
  if (span.samples < count) return false;
  const bytesPerMs = span.bytes / span.ms;
  const allPerMs = span.arrived / Math.max(1, now - span.from);
  const worth = (before.allPerMs * WORTH_TENTHS) / 10;
  const isSeen = span.arrivals >= count + (by === undefined ? count : ARRIVALS * count);
  if (bytesPerMs * count < worth || (isSeen && allPerMs < worth)) goBack(connections, before.each, before.bytesPerMs, now);
  else if (isSeen) keep(connections, by === undefined ? connections.each : 2, bytesPerMs);
  return connections.trial === undefined && connections.each > before.each;
}

/**
 * The same with long pieces, which show what each connection brings: how many read beside each other is then all the same.
 *
 *     after a piece a connection, begun since the last of the readers was told of it
 *     paid ⇔ one × each ≥ 1.2 × before
 *     each ← each × one / one before: for what they bring together so many are enough, and more would make each piece later
 */
export function judgeByPieces(connections: RegistryConnections, { before }: Trial, span: Span, count: number, now: number): boolean {
  if (span.samples < count || span.heard.size < span.readers) return false;
  const { each } = connections;
  const bytesPerMs = span.bytes / span.ms;
  const isPaid = 10 * each * bytesPerMs >= WORTH_TENTHS * before.each * before.bytesPerMs;
  if (isPaid) keep(connections, Math.min(each, Math.ceil((each * bytesPerMs) / before.bytesPerMs)), bytesPerMs);
  else goBack(connections, before.each, before.bytesPerMs, now);
  // Fewer than were tried fill what there is.
  if (isPaid && connections.each < each) connections.tryAt = now + connections.restMs;
  return isPaid;
}
