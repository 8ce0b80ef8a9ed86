import assert from "node:assert/strict";
import { test } from "node:test";
import { StoppedClock } from "./stopped-clock.ts";

test("timers fire at their own time, in order, and those set meanwhile too", () => {
  const clock = new StoppedClock(100);
  const fired: string[] = [];
  const note = (name: string) => () => fired.push(`${name}@${String(clock.now())}`);
  clock.setTimeout(note("late"), 30);
  clock.setTimeout(note("early"), 10);
  clock.setTimeout(note("same"), 10);
  clock.setTimeout(() => clock.setTimeout(note("chained"), 5), 12);
  clock.setTimeout(note("never"), 31);
  clock.advance(30);
  assert.deepEqual(fired, ["early@110", "same@110", "chained@117", "late@130"]);
  assert.equal(clock.now(), 130);
  assert.equal(clock.waiting, 1);
});

test("a timer taken back does not fire", () => {
  const clock = new StoppedClock();
  const cancel = clock.setTimeout(() => assert.fail("fired"), 1);
  cancel();
  clock.advance(10);
  assert.equal(clock.waiting, 0);
});
