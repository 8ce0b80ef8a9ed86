/** How many requests a registry answers, and how many it was asked for lately. */
export type RequestBudget = {
  /** Requests in any minute; Infinity while none is known. */
  perMinute: number;
  /** What was learned from a refusal is forgotten then. */
  learnedUntil: number;
  /** Requests in each second of the last minute and the one before it; bounded by that. */
  readonly seconds: Uint16Array;
  /** The second that was counted last. */
  counted: number;
};

// The minute, and the second in progress: what began within it leaves with it.
const SECONDS = 61;
// What a registry refused after is its limit, or what others left of it.
const LEARNED_TENTHS = 9;
// Less than this in a minute is a registry in trouble, not one with a budget.
const LEAST_LEARNED = 20;
// More than is assumed where a registry says nothing (10 s): what it said itself counts only.
const LEAST_PAUSE_MS = 15_000;
// Docker Hub counts six hours, others a minute: after this long it is found out again.
const LEARNED_MS = 600_000;

export function newBudget(): RequestBudget {
  return { perMinute: Infinity, learnedUntil: 0, seconds: new Uint16Array(SECONDS), counted: 0 };
}

/** A request is made now. */
export function noteRequest(budget: RequestBudget, now: number): void {
  advance(budget, now);
  const second = budget.counted % SECONDS;
  budget.seconds[second] = Math.min(0xffff, (budget.seconds[second] ?? 0) + 1);
}

/**
 * The registry refused for having been asked too often, and said when it may be asked again.
 *
 *     perMinute ← min(perMinute, max(20, 0.9 × requests of the last minute))   for ten minutes, where it wants 15 s or more
 *
 * A shorter pause is all that such a registry wants: it counts seconds, not minutes.
 */
export function learnBudget(budget: RequestBudget, retryAfterMs: number, now: number): void {
  const asked = countAsked(budget, now);
  if (asked < LEAST_LEARNED || retryAfterMs < LEAST_PAUSE_MS) return;
  budget.perMinute = Math.min(budget.perMinute, Math.max(LEAST_LEARNED, Math.floor((asked * LEARNED_TENTHS) / 10)));
  budget.learnedUntil = now + LEARNED_MS;
}

/** How many more requests the registry may be asked for now; `told` is what people say it bears in a minute, 0 where they do not. */
export function requestsLeft(budget: RequestBudget, told: number, now: number): number {
  const most = mostAt(budget, told, now);
  return most === Infinity ? Infinity : Math.max(0, most - countAsked(budget, now));
}

/** When the next one may be made. */
export function requestsFrom(budget: RequestBudget, told: number, now: number): number {
  const most = mostAt(budget, told, now);
  if (most === Infinity) return now;
  let asked = countAsked(budget, now);
  let from = now;
  for (let second = budget.counted - SECONDS + 1; asked >= most && second <= budget.counted; second++) {
    asked -= budget.seconds[(second + SECONDS) % SECONDS] ?? 0;
    from = (second + SECONDS) * 1000;
  }
  return Math.max(now, from);
}

function mostAt(budget: RequestBudget, told: number, now: number): number {
  if (now >= budget.learnedUntil) budget.perMinute = Infinity;
  return Math.min(budget.perMinute, told > 0 ? told : Infinity);
}

function countAsked(budget: RequestBudget, now: number): number {
  advance(budget, now);
  return budget.seconds.reduce((sum, count) => sum + count, 0);
}

function advance(budget: RequestBudget, now: number): void {
  const second = Math.floor(now / 1000);
  const from = Math.max(budget.counted + 1, second - SECONDS + 1);
  for (let each = from; each <= second; each++) budget.seconds[each % SECONDS] = 0;
  budget.counted = Math.max(budget.counted, second);
}
