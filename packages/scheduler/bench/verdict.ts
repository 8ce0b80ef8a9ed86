/** What a run is held to: a grant latency of 20 ms at 10,000 reports a second. */
export const MOST_P99_MS = 20;
/** A run that was told fewer reports than this part of what was asked has not been measured at that load. */
const LEAST_PART_SAID = 0.9;
/** From here on it is the server itself that is busy. */
const BUSY_SHARE = 0.9;
/** A main thread that waited for a processor for a larger share of the time has its latency from the machine. */
const MOST_WAITED_SHARE = 0.05;
/** What others may use of a machine that a run has to itself. */
const MOST_OTHERS_SHARE = 0.1;

/** What of a run tells whether its latency is the scheduler's own. */
export type Conditions = {
  readonly p99Ms: number;
  readonly askedPerSecond: number;
  readonly reportsPerSecond: number;
  /** Sessions that ended before their time. */
  readonly ended: number;
  /** Probes that were never answered. */
  readonly unanswered: number;
  /** Of one core, by the server. */
  readonly cpuShare: number;
  /** Of the time, that the server's main thread waited for a processor. */
  readonly waitedShare: number;
  /** Of the whole machine, used by processes that are no part of the run. */
  readonly othersShare: number;
};

export type Verdict = { readonly word: "passed" | "missed" | "invalid"; readonly why: string };

/**
 * passed:  p99 within the bound at the reports that were asked for, every session stood and every probe was answered: a busy machine makes
 *          that no easier
 * invalid: else, where the machine was busy: others used more than a tenth of it, the server waited for a processor for more than 5 % of
 *          the time, or the clients could not say what was asked though the server was not busy
 * missed:  else
 */
export function verdictOf(conditions: Conditions): Verdict {
  const { p99Ms, askedPerSecond, reportsPerSecond, cpuShare, waitedShare, othersShare, ended, unanswered } = conditions;
  const isSaid = reportsPerSecond >= LEAST_PART_SAID * askedPerSecond;
  const isWhole = ended === 0 && unanswered === 0;
  if (isSaid && isWhole && p99Ms <= MOST_P99_MS)
    return { word: "passed", why: `p99 ${p99Ms.toFixed(1)} ms, at most ${String(MOST_P99_MS)} ms` };
  if (othersShare > MOST_OTHERS_SHARE) return { word: "invalid", why: `other processes used ${percent(othersShare)} of the machine` };
  if (waitedShare > MOST_WAITED_SHARE)
    return {
      word: "invalid",
      why: `the server waited ${percent(waitedShare)} of the time for a processor`,
    };
  if (!isSaid && cpuShare < BUSY_SHARE)
    return { word: "invalid", why: "the clients could not say what was asked, and the server was not busy" };
  if (!isWhole) return { word: "missed", why: `${String(ended)} sessions ended, ${String(unanswered)} grants never came` };
  const said = `${reportsPerSecond.toFixed(0)} of ${String(askedPerSecond)} reports a second`;
  return { word: "missed", why: `p99 ${p99Ms.toFixed(1)} ms > ${String(MOST_P99_MS)} ms at ${said}` };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
