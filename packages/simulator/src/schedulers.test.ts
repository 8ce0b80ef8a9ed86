import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { adjusted, missesOf, SCENARIOS, Simulation, type Report } from "./index.ts";
import { SCHEDULERS } from "./scenarios/schedulers.ts";

const MIB = 1024 * 1024;

function run(name: string, seed = 1): Report {
  const scenario = SCENARIOS.find((each) => each.name === name) ?? assert.fail(name);
  const report = new Simulation(seed, { ...scenario, checks: "now-and-then" }).run();
  assert.deepEqual(missesOf(scenario.expect, report), [], `${name}, seed ${String(seed)}`);
  return report;
}

suite("several schedulers", () => {
  for (const { name } of SCHEDULERS) {
    test(`${name} ends well and within what it is held to`, () => {
      for (const seed of [1, 2, 3]) run(name, seed);
    });
  }

  test("the next scheduler knows what the swarm holds within two seconds, of a thousand hosts too", (context) => {
    const killed = SCENARIOS.find(({ name }) => name === "scheduler-killed") ?? assert.fail();
    const scenario = { ...adjusted(killed, { hosts: 1000, blobBytes: 4 * MIB }), latencyMs: 50 };
    const faults = [{ type: "scheduler-killed", atMs: 300, scheduler: 0 } as const];
    const report = new Simulation(1, { ...scenario, faults }).run();
    context.diagnostic(report.takeovers.map(({ knewAfterMs }) => `after ${knewAfterMs.toFixed(0)} ms`).join());
    assert.equal(report.takeovers.length, 1);
    assert.ok(report.takeovers.every(({ knewAfterMs }) => knewAfterMs > 0 && knewAfterMs <= 2000));
    assert.ok(report.source.copies <= 1.1, String(report.source.copies));
    assert.deepEqual(report.failures, []);
  });

  test("a scheduler that nobody follows is not missed", () => {
    const killed = SCENARIOS.find(({ name }) => name === "scheduler-killed") ?? assert.fail();
    const faults = [{ type: "scheduler-killed", atMs: 300, scheduler: 2 } as const];
    const report = new Simulation(1, { ...adjusted(killed, { blobBytes: 8 * MIB }), faults }).run();
    assert.deepEqual([report.takeovers, report.source.copies], [[], 1]);
  });

  test("while half of the hosts follows another scheduler, what is granted from the source is booked as a split view", () => {
    const report = run("split-view");
    assert.ok((report.source.pieces["split-view"] ?? 0) > 0, JSON.stringify(report.source.pieces));
  });
});
