import assert from "node:assert/strict";
import { test } from "node:test";
import { noLeaks, StoppedClock } from "@darner/testkit";
import { JoinLimit } from "./join-limit.ts";

noLeaks();

/** How many of `tries` an address is allowed. */
function allowed(limit: JoinLimit, address: string, tries: number): number {
  return Array.from({ length: tries }, () => limit.tries(address)).filter(Boolean).length;
}

test("an address may be wrong 30 times a minute, another one meanwhile, and the first again after that minute", () => {
  const clock = new StoppedClock();
  const limit = new JoinLimit(clock);
  assert.equal(allowed(limit, "10.0.0.1", 100), 30);
  assert.equal(allowed(limit, "10.0.0.2", 1), 1);
  clock.advance(60_000);
  assert.equal(allowed(limit, "10.0.0.1", 100), 30);
});

test("a rack that joins with a good token through one address is not kept out, however large", () => {
  const limit = new JoinLimit(new StoppedClock());
  for (let host = 0; host < 1000; host += 1) {
    assert.ok(limit.tries("10.0.0.1"), String(host));
    limit.succeeded("10.0.0.1");
  }
});

test("a flood of addresses is bounded: it makes others begin anew, and lets nobody try without end", () => {
  const limit = new JoinLimit(new StoppedClock());
  assert.equal(allowed(limit, "10.0.0.1", 31), 30);
  for (let at = 0; at < 5000; at += 1) limit.tries(`10.1.${String(at >> 8)}.${String(at & 255)}`);
  assert.equal(allowed(limit, "10.0.0.1", 31), 30);
});
