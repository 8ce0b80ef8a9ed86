import assert from "node:assert/strict";
import { setImmediate, setTimeout } from "node:timers/promises";
import type { StoppedClock } from "@darner/testkit";

// Disk and loopback answer within a few turns of the event loop; a test that needs more than this waits for nothing.
const MAX_TURNS = 100_000;
const STEP_MS = 20;

/** Waits, turn by turn of the event loop, until something holds; fails where it never does. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  for (let turn = 0; turn < MAX_TURNS; turn += 1) {
    if (holds()) return;
    await setImmediate();
  }
  assert.fail(`never: ${what}`);
}

/** Lets the time of a stopped clock pass while something is waited for. */
export async function whileTimePasses<Result>(clock: StoppedClock, result: Promise<Result>): Promise<Result> {
  const state = { isOver: false };
  const settled = result.finally(() => (state.isOver = true));
  settled.catch(() => undefined);
  for (let turn = 0; turn < MAX_TURNS && !state.isOver; turn += 1) {
    await setImmediate();
    // A real answer gets some turns for each step, so that time does not run away from it.
    if (turn % 20 === 19) clock.advance(STEP_MS);
  }
  assert.ok(state.isOver, "never settled");
  return settled;
}

// With steps of 20 ms nearly seven minutes of a stopped clock.
const MAX_STEPS = 20_000;

/** Lets the time of a stopped clock pass until something holds: each step gives real answers a real moment, so that time does not run away from them on a busy machine. */
export async function eventuallyByClock(clock: StoppedClock, stepMs: number, holds: () => boolean, what: string): Promise<void> {
  for (let step = 0; step < MAX_STEPS; step += 1) {
    if (holds()) return;
    clock.advance(stepMs);
    await setTimeout(1);
  }
  assert.fail(`never: ${what}`);
}
