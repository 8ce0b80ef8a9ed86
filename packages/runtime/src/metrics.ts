import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
export { Counter, Gauge, Histogram, Registry };

/** Bounds for durations, in seconds: from one disk read (0.5 ms) to a pull of many GB over a slow link (10 min). */
export const SECONDS_BUCKETS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
];

// The event loop's delay is sampled by a timer; 100 ms is fine enough to see a hang and wakes an idle daemon seldom.
const LOOP_SAMPLE_MS = 100;

/** Adds what every process tells of itself under prom-client's standard names: memory, CPU, event loop delay, open files. */
export function createProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_SAMPLE_MS });
}

/** A registry for one process, with the process's own metrics in it. */
export function createRegistry(): Registry {
  const registry = new Registry();
  createProcessMetrics(registry);
  return registry;
}

/** A counter in `registry`; its name ends in `_total`. */
export function createCounter<T extends string = never>(
  registry: Registry,
  name: string,
  help: string,
  labels: readonly T[] = [],
): Counter<T> {
  return new Counter({ name, help, labelNames: labels, registers: [registry] });
}

/** A gauge in `registry`. */
export function createGauge<T extends string = never>(registry: Registry, name: string, help: string, labels: readonly T[] = []): Gauge<T> {
  return new Gauge({ name, help, labelNames: labels, registers: [registry] });
}

/** A histogram in `registry`, of seconds where no bounds are given. */
export function createHistogram<T extends string = never>(
  registry: Registry,
  name: string,
  help: string,
  labels: readonly T[] = [],
  buckets: readonly number[] = SECONDS_BUCKETS,
): Histogram<T> {
  return new Histogram({ name, help, labelNames: labels, buckets: [...buckets], registers: [registry] });
}
