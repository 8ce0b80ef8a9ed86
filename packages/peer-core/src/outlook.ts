import type { Millis } from "./limits.ts";
import type { PeerState } from "./peer-state.ts";
import type { Transfer } from "./transfer-book.ts";

/** What a peer may hope for from others. */
export type Outlook =
  /** The scheduler was told and has a moment to answer. */
  | { readonly name: "hopeful" }
  /** Pieces will come. */
  | { readonly name: "fed" }
  /** The scheduler says that nobody can give. */
  | { readonly name: "starved"; readonly since: Millis }
  /** The scheduler says that only the source could, and that it is not to be asked. */
  | { readonly name: "limited"; readonly since: Millis; readonly retryAfterMs: Millis }
  /** No scheduler, or one that does not answer: the peer decides for itself, from `readsFrom` on. */
  | { readonly name: "alone"; readonly since: Millis; readonly readsFrom: Millis };

// How long a word "limited" is believed after its time has passed: the scheduler needs a moment to grant.
const LIMITED_STALE_AFTER_MS = 5000;

/**
 * alone:   no session; or nothing heard for silentSchedulerMs since `open`;
 *          or a reader waits, nothing is in flight and nothing was heard or landed for deafSchedulerMs.
 * Else what the scheduler said last.
 */
export function outlookOf(peer: PeerState, now: Millis): Outlook {
  const { session, limits } = peer;
  if (!session.live) return { name: "alone", since: session.since, readsFrom: session.ownReadsFrom };
  const deafFrom = deafInstant(peer);
  if (deafFrom !== undefined && now >= deafFrom) return { name: "alone", since: deafFrom, readsFrom: deafFrom };
  switch (session.standing) {
    case "unheard":
      if (now < session.since + limits.silentSchedulerMs) return { name: "hopeful" };
      return { name: "alone", since: session.since, readsFrom: session.ownReadsFrom };
    case "fed":
      return { name: "fed" };
    case "starved":
      return { name: "starved", since: session.standingSince };
    case "limited":
      if (now >= session.standingSince + session.retryAfterMs + LIMITED_STALE_AFTER_MS) return { name: "fed" };
      return { name: "limited", since: session.standingSince, retryAfterMs: session.retryAfterMs };
  }
}

/** When the outlook may change by time alone. */
export function outlookDeadline(peer: PeerState, now: Millis): Millis | undefined {
  const { session, limits } = peer;
  if (!session.live || peer.phase !== "fetching") return undefined;
  const instants = [deafInstant(peer)];
  if (session.standing === "unheard") instants.push(session.since + limits.silentSchedulerMs);
  if (session.standing === "limited") instants.push(session.standingSince + session.retryAfterMs + LIMITED_STALE_AFTER_MS);
  return later(instants, now);
}

function deafInstant(peer: PeerState): Millis | undefined {
  const longest = peer.readers.waiting()[0];
  if (longest === undefined || peer.transfers.count > 0) return undefined;
  return Math.max(longest.waitingSince, peer.session.heardAt, peer.session.since, peer.lastProgressAt) + peer.limits.deafSchedulerMs;
}

/** How long a piece in flight is given: max(lateMs, lateFactor * median time between landed pieces). */
export function patience(peer: PeerState): Millis {
  return Math.max(peer.limits.lateMs, peer.limits.lateFactor * peer.rhythm.median());
}

/** Whether a transfer landed nothing for longer than a piece in flight is given. */
export function isSilent(peer: PeerState, transfer: Transfer, now: Millis): boolean {
  return now >= transfer.lastSignAt + patience(peer);
}

/** Whether some parent is still sending. */
export function isBeingFed(peer: PeerState, now: Millis): boolean {
  for (const transfer of peer.transfers.live)
    if (transfer.from !== "source" && transfer.left.size > 0 && !isSilent(peer, transfer, now)) return true;
  return false;
}

/** When the next parent becomes silent, where it stays so. */
export function silenceDeadline(peer: PeerState, now: Millis): Millis | undefined {
  const instants: Millis[] = [];
  for (const transfer of peer.transfers.live) if (transfer.from !== "source") instants.push(transfer.lastSignAt + patience(peer));
  return later(instants, now);
}

function later(instants: readonly (Millis | undefined)[], now: Millis): Millis | undefined {
  let first: Millis | undefined;
  for (const instant of instants) if (instant !== undefined && instant > now && (first === undefined || instant < first)) first = instant;
  return first;
}
