import assert from "node:assert/strict";
import { test } from "node:test";
import { StoppedClock } from "../stopped-clock.ts";
import { ClientShares } from "./client-shares.ts";

const LIMITS = { maxConnectionsPerClient: 2, maxRequestsPerSecondPerClient: 3 };

test("one client has its number of connections, another has its own, and what is given back may be taken again", () => {
  const shares = new ClientShares(LIMITS, new StoppedClock());
  assert.deepEqual(
    ["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2"].map((address) => shares.enter(address)),
    [true, true, false, true],
  );
  shares.leave("10.0.0.1");
  assert.equal(shares.enter("::ffff:10.0.0.1"), true);
  assert.equal(shares.enter("10.0.0.1"), false);
});

test("a machine with a network of its own is one client", () => {
  const shares = new ClientShares(LIMITS, new StoppedClock());
  assert.deepEqual(
    ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"].map((address) => shares.enter(address)),
    [true, true, false, true],
  );
});

test("loopback is all runtimes of the node: it is not counted unless that is wanted", () => {
  const shares = new ClientShares(LIMITS, new StoppedClock());
  for (let at = 0; at < 1000; at += 1) assert.ok(shares.enter("127.0.0.1") && shares.mayAsk("::1"));
  const counting = new ClientShares({ ...LIMITS, countsLoopback: true }, new StoppedClock());
  assert.deepEqual(
    [1, 2, 3].map(() => counting.enter("127.0.0.1")),
    [true, true, false],
  );
});

test("a client may ask in a burst of ten seconds' worth, then at its rate", () => {
  const clock = new StoppedClock();
  const shares = new ClientShares(LIMITS, clock);
  const asked = (times: number): number => Array.from({ length: times }, () => shares.mayAsk("10.0.0.1")).filter(Boolean).length;
  assert.equal(asked(100), 30);
  assert.equal(shares.mayAsk("10.0.0.2"), true);
  clock.advance(2000);
  assert.equal(asked(100), 6);
  clock.advance(60_000);
  assert.equal(asked(100), 30);
});

test("without a limit on requests nobody is counted", () => {
  const shares = new ClientShares({ ...LIMITS, maxRequestsPerSecondPerClient: 0 }, new StoppedClock());
  for (let at = 0; at < 1000; at += 1) assert.ok(shares.mayAsk("10.0.0.1"));
});
