import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { StoppedClock } from "../stopped-clock.ts";
import { TokenBucket } from "./token-bucket.ts";

/** Lets everything settle that waits for promises already resolved. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
}

test("without a limit everything passes at once", async () => {
  const timers = new StoppedClock();
  using bucket = new TokenBucket({ bytesPerSecond: 0, timers });
  await bucket.take(2 ** 40);
  assert.equal(bucket.tryTake(2 ** 40), true);
  assert.equal(timers.pending, 0);
});

test("a burst passes at once, then bytes come at the rate", async () => {
  const timers = new StoppedClock();
  using bucket = new TokenBucket({ bytesPerSecond: 1000, burstBytes: 100, timers });
  await bucket.take(100);
  assert.equal(bucket.tryTake(1), false);
  let passed = false;
  const taken = bucket.take(50).then(() => (passed = true));
  timers.advance(49);
  await settle();
  assert.equal(passed, false);
  timers.advance(1);
  await taken;
  assert.equal(timers.pending, 0);
});

test("waiters pass in the order they came, a small one not before a large one", async () => {
  const timers = new StoppedClock();
  using bucket = new TokenBucket({ bytesPerSecond: 1000, burstBytes: 100, timers });
  await bucket.take(100);
  const order: string[] = [];
  const all = [bucket.take(90).then(() => order.push("large")), bucket.take(1).then(() => order.push("small"))];
  assert.equal(bucket.tryTake(0), false);
  timers.advance(2);
  await settle();
  assert.deepEqual(order, []);
  timers.advance(100);
  await Promise.all(all);
  assert.deepEqual(order, ["large", "small"]);
});

test("more than the burst passes when the bucket is full, and is owed afterwards", async () => {
  const timers = new StoppedClock();
  using bucket = new TokenBucket({ bytesPerSecond: 1000, burstBytes: 100, timers });
  await bucket.take(1100);
  let passed = false;
  const taken = bucket.take(1).then(() => (passed = true));
  timers.advance(1000);
  await settle();
  assert.equal(passed, false);
  timers.advance(1);
  await taken;
});

test("a waiter that aborts gives its place up", async () => {
  const timers = new StoppedClock();
  using bucket = new TokenBucket({ bytesPerSecond: 1000, burstBytes: 100, timers });
  await bucket.take(100);
  const controller = new AbortController();
  const leaves = bucket.take(100, controller.signal);
  const stays = bucket.take(10);
  controller.abort(new Error("gone"));
  await assert.rejects(leaves, /gone/);
  timers.advance(10);
  await stays;
  await assert.rejects(bucket.take(1, controller.signal), /gone/);
});

test("disposing lets everybody pass and leaves no timer", async () => {
  const timers = new StoppedClock();
  const bucket = new TokenBucket({ bytesPerSecond: 1, burstBytes: 1, timers });
  await bucket.take(100);
  const waits = [bucket.take(5), bucket.take(5)];
  bucket[Symbol.dispose]();
  await Promise.all(waits);
  assert.equal(timers.pending, 0);
});

test("whatever is asked, never more passes than burst and rate allow, and nobody waits for ever", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 30 }), async (sizes) => {
      const timers = new StoppedClock();
      using bucket = new TokenBucket({ bytesPerSecond: 1000, burstBytes: 100, timers });
      let passedBefore = 0;
      const takes = sizes.map(async (bytes) => {
        await bucket.take(bytes);
        // Before the last one passed, what had passed fits into burst and elapsed time; rounding up to 1 ms only slows down.
        assert.ok(passedBefore + Math.min(bytes, 100) <= 100 + timers.now() + 1e-6);
        passedBefore += bytes;
      });
      for (let ms = 0; ms < 14_000; ms += 1) {
        timers.advance(1);
        if (timers.pending === 0) break;
        await Promise.resolve();
      }
      await Promise.all(takes);
    }),
    { numRuns: 50 },
  );
});
