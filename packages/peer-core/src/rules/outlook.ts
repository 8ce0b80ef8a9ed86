import type { Millis } from "../limits.ts";
import { earliest, type PeerState } from "../peer-state.ts";
import type { Session } from "../books/session.ts";
import type { Transfer } from "../books/transfer-book.ts";

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
  /** The scheduler says that nobody has the blob and that this registry sends wrong bytes of it. */
  | { readonly name: "struck" }
  /** No scheduler, or one that does not answer: the peer decides for itself, from `readsFrom` on. */
  | { readonly name: "alone"; readonly since: Millis; readonly readsFrom: Millis }
  /** The scheduler says that pieces will come, and none does. */
  | { readonly name: "misled"; readonly since: Millis };

// How long a word "limited" is believed after its time has passed: the scheduler needs a moment to grant.
const LIMITED_STALE_AFTER_MS = 5000;

/**
 * alone:   no session; or nothing heard for silentSchedulerMs since `open`.
 * misled:  fed, but a reader waits, the peer reads nothing from the source, and for misledMs + a share of misledJitterMs no piece landed and
 *          the scheduler did not say again that pieces will come.
 * Else what the scheduler said last.
 */
export function outlookOf(peer: PeerState, now: Millis): Outlook {
  const { session, limits } = peer;
  if (!session.live) return { name: "alone", since: session.since, readsFrom: session.ownReadsFrom };
  switch (session.standing) {
    case "unheard":
      if (now < session.since + limits.silentSchedulerMs) return { name: "hopeful" };
      return { name: "alone", since: session.since, readsFrom: session.ownReadsFrom };
    case "fed":
      return fedOutlook(peer, now);
    case "starved":
      return { name: "starved", since: session.standingSince };
    case "struck":
      return { name: "struck" };
    case "limited":
      if (now >= limitedUntil(session)) return fedOutlook(peer, now);
      return { name: "limited", since: session.standingSince, retryAfterMs: session.retryAfterMs };
  }
}

function fedOutlook(peer: PeerState, now: Millis): Outlook {
  const since = misledFrom(peer);
  return since !== undefined && now >= since ? { name: "misled", since } : { name: "fed" };
}

function limitedUntil({ standingSince, retryAfterMs }: Session): Millis {
  return standingSince + retryAfterMs + LIMITED_STALE_AFTER_MS;
}

/** When the outlook may change by time alone. */
export function outlookDeadline(peer: PeerState, now: Millis): Millis | undefined {
  const { session, limits } = peer;
  if (!session.live || peer.phase !== "fetching") return undefined;
  switch (session.standing) {
    case "unheard":
      return later(session.since + limits.silentSchedulerMs, now);
    case "fed":
      return later(misledFrom(peer), now);
    case "starved":
    case "struck":
      return undefined;
    case "limited":
      return earliest(later(limitedUntil(session), now), later(misledFrom(peer), now));
  }
}

function misledFrom(peer: PeerState): Millis | undefined {
  const { limits, session, transfers, lastProgressAt } = peer;
  const longest = peer.readers.waiting()[0];
  if (longest === undefined || transfers.sourceReads > 0) return undefined;
  return (
    Math.max(longest.waitingSince, session.since, session.resumedAt, session.assuredAt, lastProgressAt) +
    limits.misledMs +
    session.lot * limits.misledJitterMs +
    leisure(peer)
  );
}

/** How much longer than a reader's a preheat leaves the source alone: nobody waits for it, and a scheduler comes back. */
export function leisure({ priority, limits }: Pick<PeerState, "priority" | "limits">): Millis {
  return priority === "preheat" ? limits.preheatPatienceMs : 0;
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
  const given = patience(peer);
  let giver = peer.transfers.latestGiver;
  while (giver !== undefined && now < giver.lastSignAt + given) {
    if (giver.left.size > 0) return true;
    giver = giver.before;
  }
  return false;
}

/** Whether pieces still come by what a scheduler granted. */
export function isAnythingComing(peer: PeerState, now: Millis): boolean {
  for (const transfer of peer.transfers.live) {
    const isOwn = transfer.from === "source" && transfer.grant === undefined;
    if (!isOwn && transfer.left.size > 0 && !isSilent(peer, transfer, now)) return true;
  }
  return false;
}

/** When the next parent becomes silent, where it stays so. */
export function silenceDeadline(peer: PeerState, now: Millis): Millis | undefined {
  const given = patience(peer);
  let deadline: Millis | undefined;
  for (let giver = peer.transfers.latestGiver; giver !== undefined && giver.lastSignAt + given > now; giver = giver.before)
    deadline = giver.lastSignAt + given;
  return deadline;
}

function later(instant: Millis | undefined, now: Millis): Millis | undefined {
  return instant !== undefined && instant > now ? instant : undefined;
}
