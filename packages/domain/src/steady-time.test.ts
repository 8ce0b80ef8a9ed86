import assert from "node:assert/strict";
import { test } from "node:test";
import { SteadyTime } from "./steady-time.ts";

test("own time goes with the clock", () => {
  const time = new SteadyTime();
  assert.equal(time.read(1000, undefined), 1000);
  assert.equal(time.read(4000, 2000), 4000);
  assert.equal(time.clockAt(5000), 5000);
});

test("a clock that jumps ahead costs nobody time: the deadline has come, not more", () => {
  const time = new SteadyTime();
  time.read(1000, undefined);
  assert.equal(time.read(61_000, 2000), 2000);
  assert.equal(time.read(61_500, 3000), 2500);
  assert.equal(time.clockAt(3000), 62_000);
});

test("who asked for no deadline sleeps as long as it likes", () => {
  const time = new SteadyTime();
  time.read(1000, undefined);
  assert.equal(time.read(3_600_000, undefined), 3_600_000);
});

test("a clock that goes back stands still, and goes on from there", () => {
  const time = new SteadyTime();
  time.read(10_000, undefined);
  assert.equal(time.read(4000, 12_000), 10_000);
  assert.equal(time.read(5000, 12_000), 11_000);
  assert.equal(time.clockAt(12_000), 6000);
});
