import assert from "node:assert/strict";
import { after, before } from "node:test";
import { setImmediate } from "node:timers/promises";

/** What kept the event loop alive at some moment: how many of each kind. */
export type ActiveResources = ReadonlyMap<string, number>;

// Closing a socket takes a few turns of the event loop and, where processors are short, some answers of the other end; a leak outlives all that.
const MAX_TURNS = 2000;
const MAX_MS = 3000;

/** Counts what keeps the event loop alive now. */
export function activeResources(): ActiveResources {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** Waits until no more is active than there was at `start`; rejects, naming what is left over, where that does not come. */
export async function assertNoLeaks(start: ActiveResources): Promise<void> {
  const until = performance.now() + MAX_MS;
  let left = surplus(start);
  for (let turn = 0; left.length > 0 && (turn < MAX_TURNS || performance.now() < until); turn += 1) {
    await setImmediate();
    left = surplus(start);
  }
  assert.deepEqual(left, [], `the suite left resources open: ${process.argv[1] ?? "no file"}`);
}

/** Makes the suite it is called in (or the file) fail when it ends with more active resources than it began with; called after the suite's own hooks. */
export function noLeaks(): void {
  let start: ActiveResources = new Map();
  before(() => {
    start = activeResources();
  });
  after(() => assertNoLeaks(start));
}

function surplus(start: ActiveResources): string[] {
  // Immediates and file requests are work of this very turn, not something a suite can leave open.
  const passing = new Set(["Immediate", "FSReqCallback", "FSReqPromise"]);
  return [...activeResources()]
    .filter(([kind, count]) => !passing.has(kind) && count > (start.get(kind) ?? 0))
    .map(([kind, count]) => `${kind}: ${String(count)} (began with ${String(start.get(kind) ?? 0)})`);
}
