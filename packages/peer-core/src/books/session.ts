import type { Millis } from "../limits.ts";

/** How the scheduler says the peer stands; `unheard` while it said nothing since `open`. */
export type Standing = "unheard" | "fed" | "starved" | "limited" | "struck";

/** What is between a peer and a scheduler. */
export type Session = {
  live: boolean;
  /** `open` was told and `close` was not. */
  isOpen: boolean;
  /** The blob was dropped: `open` is to be told again when somebody wants it. */
  isOpenDue: boolean;
  /** `proof-failed` was told: the scheduler answers it with a restart, which has happened here already. */
  isRestartExpected: boolean;
  /** When the session last began or ended, or `open` was told first. */
  since: Millis;
  /** Until then a scheduler may come (back) that takes over: own reads are short. */
  awaitedUntil: Millis;
  /** From when on a peer without a word of the scheduler may read the source: `since`, patience and jitter. */
  ownReadsFrom: Millis;
  standing: Standing;
  /** When the standing became this. */
  standingSince: Millis;
  retryAfterMs: Millis;
  /** When the scheduler last said that pieces will come. */
  assuredAt: Millis;
  /** When the scheduler last took back, after some progress, that the source is not to be asked: nobody waited in vain before. */
  resumedAt: Millis;
  /** This peer's lot in [0, 1), drawn when the session began or ended: where it stands among the peers that do the same. */
  lot: number;
};

/** The scheduler told how the peer stands. The same word again does not begin anew. `progressAt`: when the last piece came. */
export function standingTold(session: Session, standing: Standing, retryAfterMs: Millis, progressAt: Millis, now: Millis): void {
  const wait = Number.isFinite(retryAfterMs) ? Math.max(0, retryAfterMs) : 0;
  if (standing === "fed") session.assuredAt = now;
  if (standing === session.standing && standing !== "limited") return;
  if (session.standing === "limited" && standing !== "limited" && progressAt >= session.resumedAt) session.resumedAt = now;
  session.standing = standing;
  session.standingSince = now;
  session.retryAfterMs = wait;
}
