export type { SchedulerMetrics } from "./metrics.ts";
export { createSchedulerMetrics } from "./metrics.ts";
export { openScheduler } from "./open-scheduler.ts";
export type { RunningScheduler, SchedulerDeps } from "./open-scheduler.ts";
