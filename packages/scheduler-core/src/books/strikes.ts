import type { HostId } from "@darner/domain";
import type { Host } from "./host-table.ts";
import type { SchedulerLimits } from "../limits.ts";

/**
 * Counts one failure of a host that a child took pieces from. Each child counts once: one that fails everywhere has only itself to blame.
 *
 *     benched ⇔ strikes of maxStrikes children within strikeWindowMs; for benchMs
 */
export function strike(host: Host, by: HostId, limits: SchedulerLimits, now: number): void {
  const others = host.strikes.filter((each) => each.at > now - limits.strikeWindowMs && each.by !== by);
  host.strikes = [...others, { by, at: now }].slice(-limits.maxStrikes);
  if (host.strikes.length < limits.maxStrikes) return;
  host.benchedUntil = Math.max(host.benchedUntil, now + limits.benchMs);
  host.strikes = [];
}
