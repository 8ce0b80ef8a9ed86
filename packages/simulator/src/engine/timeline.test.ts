import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Timeline } from "./timeline.ts";
import { VirtualClock } from "./virtual-clock.ts";

test("what is planned happens in order of its instant, on a tie in the order it was planned, however much is planned", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 2000 }), (instants) => {
      const timeline = new Timeline();
      const happened: [at: number, number: number][] = [];
      for (const [number, at] of instants.entries()) timeline.after(at, () => happened.push([timeline.now, number]));
      while (timeline.step(Infinity));
      const expected = instants.map((at, number): [number, number] => [at, number]).sort((left, right) => left[0] - right[0]);
      assert.deepEqual(happened, expected);
    }),
    { numRuns: 30 },
  );
});

test("nothing happens after the end, and what is planned for the past happens now", () => {
  const timeline = new Timeline();
  const happened: number[] = [];
  timeline.after(10, () => timeline.after(-5, () => happened.push(timeline.now)));
  timeline.after(30, () => happened.push(timeline.now));
  while (timeline.step(20));
  assert.deepEqual(happened, [10]);
});

test("a clock that jumps ahead stays ahead, and one that is set back stands still until time has caught up", () => {
  const timeline = new Timeline();
  const clock = new VirtualClock(timeline);
  const shown: number[] = [];
  for (const at of [10, 20, 30, 40]) timeline.after(at, () => shown.push(clock.now));
  timeline.after(15, () => {
    clock.jump(100);
    assert.equal(clock.until(120), 5);
  });
  timeline.after(25, () => {
    clock.jump(-110);
  });
  while (timeline.step(Infinity));
  assert.deepEqual(shown, [10, 120, 125, 125]);
});
