import type { SourceAccess } from "@darner/domain";
import type { TransferFailure } from "../event.ts";
import type { Millis, PeerLimits } from "../limits.ts";

/** What a peer knows of its own way to the source. */
export type SourceBook = {
  access: SourceAccess;
  /** The source cannot be read in ranges. */
  sequential: boolean;
  /** Reads at once, by the scheduler's latest word: it holds for the stripes it granted before, too. */
  connections: number;
  /** When the source refused this host's credential; undefined while it did not. */
  refusedAt: Millis | undefined;
  /** Failed reads since the last good piece. */
  failures: number;
  /** When the first of them failed. */
  troubleSince: Millis | undefined;
  /** Before this the peer does not ask by itself. */
  notBefore: Millis;
  /** The registry wants to be left alone; undefined after anything else happened. */
  limited: { readonly since: Millis; readonly retryAfterMs: Millis } | undefined;
};

/** A source that never failed. */
export function freshSource(access: SourceAccess, sequential: boolean): SourceBook {
  return {
    access,
    sequential,
    connections: 1,
    refusedAt: undefined,
    failures: 0,
    troubleSince: undefined,
    notBefore: 0,
    limited: undefined,
  };
}

/** A good piece came from the source: its failures are forgotten. */
export function sourceGave(source: SourceBook): void {
  source.failures = 0;
  source.troubleSince = undefined;
  source.notBefore = 0;
  source.limited = undefined;
}

/** What the failure of a source read changes. A range refused a second time, and whatever is no failure of a source, is a bad answer. */
export function sourceFailed(source: SourceBook, failure: TransferFailure, limits: PeerLimits, now: Millis): void {
  source.limited = undefined;
  switch (failure.code) {
    case "source-refused":
      source.access = "none";
      source.refusedAt = now;
      return;
    case "source-without-range":
      if (source.sequential) backOff(source, 0, limits, now);
      source.sequential = true;
      return;
    case "source-limited":
      source.limited = { since: now, retryAfterMs: backOff(source, failure.retryAfterMs, limits, now) };
      return;
    case "source-unavailable":
      backOff(source, failure.retryAfterMs, limits, now);
      return;
    case "channel-lost":
    case "parent-silent":
    case "parent-refused":
    case "disk-refused":
      backOff(source, 0, limits, now);
  }
}

// pause = min(backoffMax, max(backoffMin, retryAfter) * 2 ^ (failures since the last good piece))
function backOff(source: SourceBook, retryAfterMs: Millis, limits: PeerLimits, now: Millis): Millis {
  let pause = Math.max(limits.backoffMinMs, Number.isFinite(retryAfterMs) ? retryAfterMs : 0);
  for (let failure = 0; failure < source.failures && pause < limits.backoffMaxMs; failure++) pause *= 2;
  pause = Math.min(limits.backoffMaxMs, pause);
  source.failures += 1;
  source.troubleSince ??= now;
  source.notBefore = now + pause;
  return pause;
}
