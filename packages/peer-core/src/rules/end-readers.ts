import type { PeerEffect } from "../effect.ts";
import type { Millis } from "../limits.ts";
import { isBeingFed, type Outlook, outlookOf, silenceDeadline } from "./outlook.ts";
import { earliest, type PeerState } from "../peer-state.ts";
import type { WaitingReader } from "../books/reader-book.ts";

// The registry's time may be over a moment before the scheduler's grant comes.
const GRANT_COMES_MS = 1000;

type EndReason = Extract<PeerEffect, { type: "fail-readers" }>["reason"];

/** A rule that ends a waiting reader: when, and what it is told. */
type Ending = { readonly at: Millis; readonly reason: EndReason; readonly retryAfterMs: Millis };

/** Ends readers whose wait is without hope, each by the first rule that applies; returns when the next one would be. */
export function endHopelessReaders(peer: PeerState, now: Millis): Millis | undefined {
  const waiting = peer.readers.waiting();
  if (peer.phase !== "fetching" || waiting.length === 0) return undefined;
  const patient = endOfPatience(peer, waiting, now);
  if (patient !== undefined) return earliest(patient, silenceDeadline(peer, now));
  const outlook = outlookOf(peer, now);
  const due = new Map<EndReason, { retryAfterMs: Millis; readers: number[] }>();
  let deadline: Millis | undefined;
  for (const reader of waiting) {
    const endings = endingsOf(peer, reader, outlook, now);
    const ending = endings.find(({ at }) => at <= now);
    if (ending === undefined) {
      for (const { at } of endings) deadline = earliest(deadline, at);
      continue;
    }
    const sameEnd = due.get(ending.reason) ?? { retryAfterMs: ending.retryAfterMs, readers: [] };
    sameEnd.readers.push(reader.id);
    due.set(ending.reason, sameEnd);
  }
  for (const [reason, { retryAfterMs, readers }] of due) failReaders(peer, reason, retryAfterMs, readers, now);
  return earliest(deadline, silenceDeadline(peer, now));
}

/** The usual case, which is looked at with every piece: somebody gives and nothing is wrong, so that only `timed-out` could end a reader, and does not yet. */
function endOfPatience(peer: PeerState, waiting: readonly WaitingReader[], now: Millis): Millis | undefined {
  const { limits, transfers, troubleSince } = peer;
  if (troubleSince !== undefined || (transfers.sourceReads === 0 && !isBeingFed(peer, now))) return undefined;
  let first = Infinity;
  for (const { waitingSince } of waiting) first = Math.min(first, Math.max(waitingSince, hopeSince(peer)) + limits.readerMs);
  return first > now ? first : undefined;
}

/** When a piece last came, or the scheduler last said, after it had said so before, that pieces are on their way. */
function hopeSince({ lastProgressAt, session }: PeerState): Millis {
  return Math.max(lastProgressAt, session.standing === "fed" && session.live ? session.assuredAt : 0);
}

/** Ends these readers, or all. */
export function failReaders(
  peer: PeerState,
  reason: EndReason,
  retryAfterMs: Millis,
  readers: readonly number[] | "all",
  now: Millis,
): void {
  const ended = readers === "all" ? [...peer.readers.all].map(({ id }) => id) : readers;
  if (ended.length === 0) return;
  for (const id of ended) peer.readers.close(id, now);
  peer.out.push({ type: "fail-readers", reason, retryAfterMs: Math.max(0, retryAfterMs), readers: ended });
}

/**
 * refused:    nobody else can give and the source refused: at once; a reader that came later has graceMs.
 * starved:    nobody can give and the source may not be read: starvedEndMs. The same for a reader that had nothing yet while own reads
 *             only fail: its client is better served by the registry itself.
 * wrong-bytes: the registry is known to send wrong bytes of this blob: at once.
 * limited:    the registry is not to be asked: min(retryAfter + a second, limitedEndMs), unless a read runs all the same; a reader that had
 *             bytes already waits retryAfter + a second where that is at most limitedServedMs.
 * troubled:   no piece came since the own read of the source failed, whatever is tried meanwhile, and the reader had nothing yet:
 *             troubleEndMs. Its client is better served by the registry itself than by waiting for one more try.
 * timed-out:  for readerMs no piece came, for whatever reason, and no scheduler said again that pieces are on their way.
 */
function endingsOf(peer: PeerState, reader: WaitingReader, outlook: Outlook, now: Millis): Ending[] {
  const { limits, session } = peer;
  const patience = limits.readerMs + limitedWait(peer, reader, outlook);
  const timedOut = {
    at: Math.max(reader.waitingSince, hopeSince(peer), session.resumedAt) + patience,
    reason: "timed-out" as const,
    retryAfterMs: 0,
  };
  return [...hopelessness(peer, reader, outlook, now), ...troubledEnding(peer, reader, now), timedOut];
}

/** How much longer than others a reader waits whose registry said how long it is not to be asked. */
function limitedWait({ limits }: PeerState, { served }: WaitingReader, outlook: Outlook): Millis {
  if (!served || outlook.name !== "limited") return 0;
  const announced = outlook.retryAfterMs + GRANT_COMES_MS;
  return announced <= limits.limitedServedMs ? announced : 0;
}

function troubledEnding(peer: PeerState, reader: WaitingReader, now: Millis): Ending[] {
  const { troubleSince, limits } = peer;
  if (reader.served || troubleSince === undefined || isBeingFed(peer, now)) return [];
  return [{ at: Math.max(troubleSince, reader.waitingSince) + limits.troubleEndMs, reason: "limited", retryAfterMs: 0 }];
}

function hopelessness(peer: PeerState, reader: WaitingReader, outlook: Outlook, now: Millis): Ending[] {
  const { limits, source, lastProgressAt, transfers } = peer;
  if (transfers.sourceReads > 0 || isBeingFed(peer, now)) return [];
  const since = Math.max(reader.waitingSince, lastProgressAt);
  if (outlook.name === "limited") return [limitedEnding(peer, reader, outlook, now)];
  if (outlook.name === "struck") return [{ at: now, reason: "wrong-bytes", retryAfterMs: 0 }];
  if (outlook.name === "hopeful" || outlook.name === "fed") return [];
  if (source.access !== "none") return outlook.name === "alone" ? failingSource(peer, reader, outlook.readsFrom, now) : [];
  const starvedAt = Math.max(since, outlook.since) + limits.starvedEndMs;
  if (source.refusedAt === undefined) return [{ at: starvedAt, reason: "starved", retryAfterMs: 0 }];
  const refusedAt = reader.waitingSince < source.refusedAt ? source.refusedAt : reader.waitingSince + limits.graceMs;
  return [{ at: refusedAt, reason: "refused", retryAfterMs: 0 }];
}

function failingSource(peer: PeerState, reader: WaitingReader, readsFrom: Millis, now: Millis): Ending[] {
  const { source, limits } = peer;
  if (source.limited !== undefined) return [limitedEnding(peer, reader, source.limited, now)];
  if (source.troubleSince === undefined || reader.served) return [];
  const at = Math.max(source.troubleSince, reader.waitingSince, readsFrom) + limits.starvedEndMs;
  return [{ at, reason: "starved", retryAfterMs: source.notBefore - now }];
}

function limitedEnding(
  peer: PeerState,
  reader: WaitingReader,
  limited: { readonly since: Millis; readonly retryAfterMs: Millis },
  now: Millis,
): Ending {
  const { limits, lastProgressAt } = peer;
  const announced = limited.retryAfterMs + GRANT_COMES_MS;
  const wait = Math.min(announced, reader.served && announced <= limits.limitedServedMs ? announced : limits.limitedEndMs);
  const at = Math.max(Math.max(limited.since, lastProgressAt) + wait, reader.waitingSince + limits.graceMs);
  return { at, reason: "limited", retryAfterMs: limited.since + limited.retryAfterMs - now };
}
