import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "./clock.ts";
import { Deadline } from "./deadline.ts";
import { sleep } from "./sleep.ts";
import { StoppedClock } from "./stopped-clock.ts";

test("the system's clock only grows and its timers can be taken back", async () => {
  const before = systemClock.now();
  const { promise, resolve } = Promise.withResolvers<undefined>();
  let wrong = false;
  systemClock.setTimeout(() => (wrong = true), 0)();
  systemClock.setTimeout(() => resolve(undefined), 2);
  await promise;
  assert.equal(wrong, false);
  assert.ok(systemClock.now() > before);
});

test("a timer longer than Node can count does not fire at once", async () => {
  let fired = false;
  const cancel = systemClock.setTimeout(() => (fired = true), 2 ** 40);
  await sleep(5);
  cancel();
  assert.equal(fired, false);
});

test("a sleep ends when its time is over, not before", async () => {
  const clock = new StoppedClock();
  let awake = false;
  const slept = sleep(100, undefined, clock).then(() => (awake = true));
  clock.advance(99);
  await Promise.resolve();
  assert.equal(awake, false);
  clock.advance(1);
  await slept;
  assert.equal(awake, true);
});

test("an abort wakes a sleeper with its reason and leaves no timer", async () => {
  const clock = new StoppedClock();
  const controller = new AbortController();
  const slept = sleep(100, controller.signal, clock);
  controller.abort(new Error("enough"));
  await assert.rejects(slept, /enough/);
  assert.equal(clock.pending, 0);
  await assert.rejects(sleep(1, controller.signal, clock), /enough/);
  assert.equal(clock.pending, 0);
});

test("a deadline aborts its signal with a TimeoutError", () => {
  const clock = new StoppedClock();
  using deadline = new Deadline(500, undefined, clock);
  clock.advance(200);
  assert.equal(deadline.remainingMs, 300);
  assert.equal(deadline.signal.aborted, false);
  clock.advance(300);
  assert.equal(deadline.remainingMs, 0);
  assert.equal((deadline.signal.reason as DOMException).name, "TimeoutError");
});

test("a parent's abort ends a deadline with the parent's reason, also where it came first", () => {
  const clock = new StoppedClock();
  const parent = new AbortController();
  using deadline = new Deadline(500, parent.signal, clock);
  parent.abort(new Error("parent"));
  assert.equal((deadline.signal.reason as Error).message, "parent");
  assert.equal(clock.pending, 0);
  using late = new Deadline(500, parent.signal, clock);
  assert.equal((late.signal.reason as Error).message, "parent");
  assert.equal(clock.pending, 0);
});

test("a disposed deadline never aborts", () => {
  const clock = new StoppedClock();
  const parent = new AbortController();
  const deadline = new Deadline(500, parent.signal, clock);
  deadline[Symbol.dispose]();
  clock.advance(1000);
  parent.abort();
  assert.equal(deadline.signal.aborted, false);
});
