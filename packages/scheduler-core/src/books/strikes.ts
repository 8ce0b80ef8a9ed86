import type { Host } from "./host-table.ts";
import type { SchedulerLimits } from "../limits.ts";

/**
 * Counts one failure of a host that others took pieces from.
 *
 *     benched ⇔ maxStrikes strikes within strikeWindowMs; for benchMs
 */
export function strike(host: Host, limits: SchedulerLimits, now: number): void {
  host.strikes = [...host.strikes.filter((at) => at > now - limits.strikeWindowMs), now].slice(-limits.maxStrikes);
  if (host.strikes.length < limits.maxStrikes) return;
  host.benchedUntil = now + limits.benchMs;
  host.strikes = [];
}
