import type { SchedulerLimits } from "../limits.ts";

/** How fast lines of a table become known, and pieces go down the trees. */
export type LinePace = {
  /** What lies between two lines, on average; 0 while unknown. */
  everyMs: number;
  /** What a piece takes for a step down a tree, on average; 0 while unknown. */
  stepMs: number;
  /** When the first lines became known, in that order: from then on peers wait for their first piece. */
  readonly firstAt: number[];
};

/** Of a group without a line. */
export function newLinePace(): LinePace {
  return { everyMs: 0, stepMs: 0, firstAt: [] };
}

// What is measured follows a link that became slower within some pieces, and one piece alone changes little.
const KEPT_PARTS = 8;
// A peer's first piece is one of the first that spread.
const FIRST_LINES = 32;

/** Lines became known, the last ones before at `before`. */
export function noteLines(pace: LinePace, lines: number, before: number, now: number): void {
  const isFirst = pace.firstAt.length === 0;
  for (let line = 0; line < lines && pace.firstAt.length < FIRST_LINES; line++) pace.firstAt.push(now);
  if (!isFirst) pace.everyMs = averaged(pace.everyMs, (now - before) / lines);
}

/** A peer so many steps below a root has its first piece, whose line became known as the `line`-th. */
export function noteFirstArrival(pace: LinePace, line: number, steps: number, now: number): void {
  const since = pace.firstAt[line];
  if (since !== undefined && steps > 0) pace.stepMs = averaged(pace.stepMs, (now - since) / steps);
}

function averaged(before: number, latest: number): number {
  return before === 0 ? latest : before + (latest - before) / KEPT_PARTS;
}

// A host sends to two children at once, each at half of its link's rate, and gets a piece in the time of one.
const USUAL_LINES_PER_STEP = 2;
// Where both are measured they are not so exact that 1.5 were no 2.
const NEARLY_USUAL = 3 / 2;

// What a piece waits for its line at most where lines are few: less than a person notices, and short pieces have company.
const SLACK_MS = 500;

/**
 * Lines that become known before a piece is so many steps down a tree, with the slack its line has.
 *
 *     2 × steps                                              with links as fast as what is read
 *     min(2 × steps, (steps × time of a step + slack) / time between two lines)   with a slower source
 */
export function linesUntil({ everyMs, stepMs }: LinePace, steps: number): number {
  const usual = USUAL_LINES_PER_STEP * steps;
  if (everyMs === 0 || stepMs === 0 || stepMs >= NEARLY_USUAL * everyMs) return usual;
  return Math.min(usual, (steps * stepMs + SLACK_MS) / everyMs);
}

// A landed piece waits three seconds for its line, and took one from its parent meanwhile.
const LATE_LINE_MS = 2_000;

/** After so long without a line peers have those they lack: max(linesMs, min(2 × time between two, that + 2 s)). */
export function linePause({ everyMs }: LinePace, { linesMs }: SchedulerLimits): number {
  return Math.ceil(Math.max(linesMs, Math.min(2 * everyMs, everyMs + LATE_LINE_MS)));
}
