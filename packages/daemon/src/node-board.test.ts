import assert from "node:assert/strict";
import { test } from "node:test";
import { createRegistry } from "@darner/runtime";
import { StoppedClock } from "@darner/testkit";
import { createDaemonMetrics } from "./metrics.ts";
import { NodeBoard } from "./node-board.ts";

const HELD = { state: "held", probe: "arrived", problem: "" };

test("what node set-up said last counts until it has been silent for a while", () => {
  const clock = new StoppedClock();
  const board = new NodeBoard(clock);
  assert.equal(board.latest(), undefined);
  assert.ok(board.take(HELD));
  clock.advance(90_000);
  assert.deepEqual(board.latest(), HELD);
  clock.advance(20_000);
  assert.equal(board.latest(), undefined);
});

test("what is no report is not taken, and a long problem is cut", () => {
  const board = new NodeBoard(new StoppedClock());
  for (const body of [null, "held", {}, { ...HELD, state: "lost" }, { ...HELD, probe: 1 }, { ...HELD, problem: undefined }])
    assert.ok(!board.take(body));
  assert.equal(board.latest(), undefined);
  board.take({ ...HELD, problem: "x".repeat(10_000) });
  assert.equal(board.latest()?.problem.length, 4000);
});

test("the metrics tell the state and the probe as one of a few words", async () => {
  const board = new NodeBoard(new StoppedClock());
  const registry = createRegistry();
  createDaemonMetrics(registry, undefined, () => board.latest());
  board.take({ ...HELD, probe: "lost" });
  const text = await registry.metrics();
  assert.match(text, /darner_daemon_node_setup_state\{state="held"\} 1/);
  assert.match(text, /darner_daemon_node_setup_state\{state="refused"\} 0/);
  assert.match(text, /darner_daemon_node_setup_probe\{probe="lost"\} 1/);
  registry.clear();
});
