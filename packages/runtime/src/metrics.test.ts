import assert from "node:assert/strict";
import { test } from "node:test";
import { createCounter, createGauge, createHistogram, createRegistry, SECONDS_BUCKETS } from "./metrics.ts";
import { describeMetrics, metricsReference } from "./metrics-docs.ts";
import type { Registry } from "./metrics.ts";

function createSampleMetrics(registry: Registry): void {
  createCounter(registry, "darner_x_bytes_total", "Bytes, by where they came from.", ["from"]).inc({ from: "peer" }, 5);
  createGauge(registry, "darner_x_hosts", "Hosts.").set(2);
  createHistogram(registry, "darner_x_wait_seconds", "Waits.").observe(0.3);
}

test("a registry tells of its process and of what is made in it", async () => {
  const registry = createRegistry();
  createSampleMetrics(registry);
  const page = await registry.metrics();
  registry.clear();
  assert.match(page, /^darner_x_bytes_total\{from="peer"\} 5$/m);
  assert.match(page, /^darner_x_hosts 2$/m);
  assert.match(page, /^darner_x_wait_seconds_bucket\{le="0\.5"\} 1$/m);
  assert.match(page, /^process_cpu_seconds_total /m);
  assert.match(page, /^nodejs_eventloop_lag_seconds /m);
  assert.match(page, /^process_resident_memory_bytes /m);
});

test("two registries in one process do not disturb each other", () => {
  const registries = [createRegistry(), createRegistry()];
  for (const registry of registries) createSampleMetrics(registry);
  for (const registry of registries) registry.clear();
});

test("buckets grow", () => {
  assert.deepEqual(
    SECONDS_BUCKETS,
    SECONDS_BUCKETS.toSorted((a, b) => a - b),
  );
});

test("a factory's metrics are described by name, type, labels and help", () => {
  assert.deepEqual(describeMetrics(createSampleMetrics), [
    { name: "darner_x_bytes_total", type: "counter", help: "Bytes, by where they came from.", labels: ["from"] },
    { name: "darner_x_hosts", type: "gauge", help: "Hosts.", labels: [] },
    { name: "darner_x_wait_seconds", type: "histogram", help: "Waits.", labels: [] },
  ]);
  assert.match(
    metricsReference([{ room: "x", create: createSampleMetrics }]),
    /## x\n\n[^]*\| `darner_x_bytes_total` \| counter \| `from` \|/,
  );
});
