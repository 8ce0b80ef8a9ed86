import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Report } from "./report/report.ts";
import type { Fault, Who } from "./fault.ts";
import type { Scenario } from "./scenario.ts";
import { coldPull } from "./scenarios/cold-pull.ts";
import { Simulation } from "./simulation.ts";

const MIB = 1024 * 1024;
const HOSTS = 5;

// Host 0 neither dies, lies, stalls nor is refused: there is always one live host that can deliver every piece.
const other: fc.Arbitrary<Who> = fc.integer({ min: 1, max: HOSTS - 1 }).map((host) => ({ hosts: [host] }));
const at = fc.integer({ min: 0, max: 1500 });
const forMs = fc.integer({ min: 1, max: 3000 });
const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ type: fc.constant("hosts-killed" as const), atMs: at, who: other }),
  fc.record({
    type: fc.constant("scheduler-restarted" as const),
    atMs: at,
    downMs: fc.integer({ min: 1, max: 2000 }),
    scheduler: fc.nat(2),
  }),
  fc.record({ type: fc.constant("scheduler-cut" as const), atMs: at, forMs: fc.constant(8000), scheduler: fc.nat(2), who: other }),
  fc.record({ type: fc.constant("hosts-lie" as const), atMs: at, forMs, who: other }),
  fc.record({ type: fc.constant("source-stalls" as const), atMs: at, forMs, who: other }),
  fc.record({
    type: fc.constant("source-limits" as const),
    atMs: at,
    forMs: fc.integer({ min: 1, max: 1000 }),
    retryAfterMs: fc.integer({ min: 100, max: 1000 }),
  }),
  fc.record({ type: fc.constant("hosts-cut" as const), atMs: at, who: other }),
  fc.record({ type: fc.constant("hosts-restarted" as const), atMs: at, who: other, downMs: forMs }),
  fc.record({ type: fc.constant("hosts-stall" as const), atMs: at, forMs, who: other }),
  fc.record({ type: fc.constant("hosts-corrupt" as const), atMs: at, forMs, who: other, share: fc.constantFrom(0.1, 0.5) }),
  fc.record({ type: fc.constant("source-refuses" as const), atMs: at, who: other }),
);

const scenario: fc.Arbitrary<Scenario> = fc
  .record({
    bytes: fc.integer({ min: 1, max: 6 * MIB }),
    ranges: fc.constantFrom(true, true, true, false),
    joinsAtMs: fc.array(fc.integer({ min: 0, max: 1500 }), { maxLength: HOSTS }),
    holders: fc.constantFrom(0, 0, 0, 1),
    schedulers: fc.constantFrom(1, 1, 3),
    faults: fc.array(fault, { maxLength: 3 }),
  })
  .map(({ bytes, ranges, ...rest }) => ({
    ...coldPull(HOSTS),
    ...rest,
    name: "chaos",
    blobBytes: [bytes],
    source: { bytesPerSecond: 4 * MIB, bytesPerSecondPerConnection: 0, ranges },
  }));

/**
 * What a peer may give up honestly: a host whose credential is refused has nobody to ask while it follows no scheduler, or before
 * host 0 is in the swarm; a registry that both limits and stalls keeps a reader longer than it waits for a limited one.
 */
function mayFail({ faults, joinsAtMs }: Scenario, { host, reason }: Report["failures"][number]): boolean {
  const has = (type: Fault["type"]): boolean => faults.some((each) => each.type === type);
  if (reason === "limited") return has("source-limits") && has("source-stalls");
  const isRefused = faults.some((each) => each.type === "source-refuses" && "hosts" in each.who && each.who.hosts.includes(host));
  const isEarly = (joinsAtMs[host] ?? 0) <= (joinsAtMs[0] ?? 0) + 20;
  return isRefused && (isEarly || has("scheduler-restarted") || has("scheduler-cut"));
}

test("whatever goes wrong, every surviving pull ends well while one live host can deliver every piece", () => {
  fc.assert(
    fc.property(scenario, fc.nat(1_000_000), (each, seed) => {
      const report = new Simulation(seed, each).run();
      const failures = report.failures.filter((failure) => !mayFail(each, failure));
      assert.deepEqual(failures, [], `seed ${String(seed)}`);
    }),
    { numRuns: 60 },
  );
});

test("without a fault the source sends each byte once, whoever comes when", () => {
  fc.assert(
    fc.property(scenario, fc.nat(1_000_000), (each, seed) => {
      const report = new Simulation(seed, { ...each, faults: [] }).run();
      assert.deepEqual(report.failures, []);
      // One stripe may be asked for twice where a reader waits at the wrong moment.
      assert.ok(
        report.source.bytes <= 1.02 * (each.blobBytes[0] ?? 0) + MIB / 4,
        `${String(report.source.bytes)} bytes, seed ${String(seed)}`,
      );
    }),
    { numRuns: 60 },
  );
});
