import { UsageError } from "../command.ts";

const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
// A century: beyond it somebody has mistyped.
const MAX_MS = 100 * 365 * 86_400_000;

/** A time as people write it (`90s`, `30m`, `12h`, `7d`) in milliseconds; anything else is a `UsageError`. */
export function readTtl(text: string): number {
  const [, count, unit = ""] = /^([1-9][0-9]{0,8})([smhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS_MS[unit] ?? NaN);
  if (!(ms <= MAX_MS)) throw new UsageError(`--ttl takes a time as in 90s, 30m, 12h or 7d, not "${text}"`);
  return ms;
}
