export type { SchedulerEffect } from "./effect.ts";
export type { GrantFailure, SchedulerEvent } from "./event.ts";
export type { GrantId } from "./grant.ts";
