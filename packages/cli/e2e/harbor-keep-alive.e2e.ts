import assert from "node:assert/strict";
import { test } from "node:test";
import { buildImage, type Exchange } from "@darner/testkit";
import { HarborCluster } from "./harness/harbor-cluster.ts";
import { until } from "./harness/shell.ts";

// Check 26 of contracts/harbor-preheat.md 5.2 as it is written: three minutes of Harbor's own ticker. It runs beside the other files.
const POLLS = 18;
const HARBOR_TICK_MS = 10_000;
const PATIENCE_MS = 240_000;

test("harbor 26: polls every 10 s for three minutes come over one connection, without a reset", async () => {
  await using cluster = await HarborCluster.open({ seeds: 1, others: 0 });
  const released = Promise.withResolvers<undefined>();
  const fault = cluster.harbor.registry.fault({ when: { kind: "blob", path: "idle/" }, do: { kind: "hold", until: released.promise } });
  const simulator = cluster.simulator({ tickMs: HARBOR_TICK_MS, limitMs: 2 * PATIENCE_MS });
  const image = buildImage({ layers: [{ bytes: 1000, seed: "keep-alive" }] });
  const task = simulator.run(cluster.harbor.push("idle/kept", image, "v1"));
  const polls = (): Exchange[] => simulator.exchanges.filter(({ url }) => url.includes("/oapi/v1/jobs/"));
  await until("three minutes of polls", () => (polls().length >= POLLS ? true : undefined), PATIENCE_MS);
  fault.remove();
  released.resolve(undefined);
  const { status, error } = await task;
  assert.deepEqual([status, error], ["Success", undefined]);
  assert.ok(polls().every(({ reused, status: code }) => reused && code === 200));
});
