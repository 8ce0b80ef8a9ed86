import assert from "node:assert/strict";
import { test } from "node:test";
import { verdictOf, type Conditions } from "../bench/verdict.ts";

const QUIET: Conditions = {
  p99Ms: 12,
  askedPerSecond: 10_000,
  reportsPerSecond: 9_990,
  ended: 0,
  unanswered: 0,
  cpuShare: 0.6,
  waitedShare: 0.01,
  othersShare: 0.02,
};

test("a run within the bound passes, on a busy machine, too", () => {
  assert.equal(verdictOf(QUIET).word, "passed");
  assert.equal(verdictOf({ ...QUIET, othersShare: 0.5, waitedShare: 0.3 }).word, "passed");
});

test("a run beyond the bound on a quiet machine is missed", () => {
  assert.deepEqual(verdictOf({ ...QUIET, p99Ms: 31 }), { word: "missed", why: "p99 31.0 ms > 20 ms at 9990 of 10000 reports a second" });
});

test("a run beyond the bound says nothing where others used the machine, or the server got no processor", () => {
  assert.equal(verdictOf({ ...QUIET, p99Ms: 31, othersShare: 0.2 }).word, "invalid");
  assert.equal(verdictOf({ ...QUIET, p99Ms: 31, waitedShare: 0.06 }).word, "invalid");
});

test("clients that could not say what was asked make a run invalid, unless the server was what they waited for", () => {
  assert.equal(verdictOf({ ...QUIET, reportsPerSecond: 5_000 }).word, "invalid");
  assert.equal(verdictOf({ ...QUIET, reportsPerSecond: 5_000, cpuShare: 0.97 }).word, "missed");
});

test("a run in which sessions ended, or a grant never came, does not pass whatever its latency", () => {
  assert.deepEqual(verdictOf({ ...QUIET, ended: 3 }), { word: "missed", why: "3 sessions ended, 0 grants never came" });
  assert.equal(verdictOf({ ...QUIET, unanswered: 1 }).word, "missed");
  assert.equal(verdictOf({ ...QUIET, ended: 3, waitedShare: 0.3 }).word, "invalid");
});
