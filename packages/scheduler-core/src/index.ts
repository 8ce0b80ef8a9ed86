export type { Fault, SchedulerEffect } from "./effect.ts";
export type { GrantFailure, SchedulerEvent } from "./event.ts";
export type { GrantId } from "./grant.ts";
export { DEFAULT_LIMITS } from "./limits.ts";
export type { SchedulerLimits } from "./limits.ts";
export { Scheduler } from "./scheduler.ts";
export type { HostView, SwarmView, TaskView } from "./snapshot.ts";
export { StandingBook } from "./schedulers/standing-book.ts";
export type { StandingEffect, StandingEvent } from "./schedulers/standing-book.ts";
