export { openScheduler } from "./open-scheduler.ts";
export type { RunningScheduler, SchedulerDeps } from "./open-scheduler.ts";
