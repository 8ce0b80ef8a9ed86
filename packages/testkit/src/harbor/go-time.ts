/** A point of time as Go keeps it: nanoseconds since 1970, in UTC. */
export type GoTime = { readonly unixNs: bigint };

const NS_PER_SECOND = 1_000_000_000n;
const MAX_DURATION_NS = 2n ** 63n - 1n;

/** Year 1: what an absent time is. */
export const ZERO_TIME: GoTime = { unixNs: BigInt(Date.parse("0001-01-01T00:00:00Z")) * 1_000_000n };

const RFC3339 = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/;

/** Parses as Go's Time.UnmarshalJSON: RFC 3339 with capital T and Z or a numeric offset, every part in its bounds. */
export function parseGoTime(text: string): GoTime {
  const [, date = "", hour = "", minute = "", second = "", fraction = "", zone = ""] = RFC3339.exec(text) ?? [];
  const [zoneHour = "0", zoneMinute = "0"] = zone === "Z" ? [] : zone.slice(1).split(":");
  const isInBounds = Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60 && Number(zoneHour) <= 24 && Number(zoneMinute) < 60;
  const midnight = date === "" ? Number.NaN : Date.parse(`${date}T00:00:00Z`);
  // Date.parse takes February 30th for March; Go does not.
  if (!isInBounds || Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== date)
    throw new Error(`parsing time ${JSON.stringify(text)} as "2006-01-02T15:04:05Z07:00": cannot parse it`);
  const offset = (Number(zoneHour) * 60 + Number(zoneMinute)) * (zone.startsWith("-") ? -60 : 60);
  const seconds = midnight / 1000 + Number(hour) * 3600 + Number(minute) * 60 + Number(second) - offset;
  return { unixNs: BigInt(seconds) * NS_PER_SECOND + BigInt(fraction.slice(0, 9).padEnd(9, "0")) };
}

/** Prints a time as Go's %s does for UTC. */
export function goTimeText({ unixNs }: GoTime): string {
  const ms = Number((unixNs - floorMod(unixNs, NS_PER_SECOND)) / 1_000_000n);
  const fraction = trimmedFraction(floorMod(unixNs, NS_PER_SECOND), 9);
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")}${fraction} +0000 UTC`;
}

/** The time from one point to another as Go prints a Duration; beyond 292 years it stays at the limit. */
export function goDurationText(from: GoTime, to: GoTime): string {
  const exact = to.unixNs - from.unixNs;
  const ns = exact > MAX_DURATION_NS ? MAX_DURATION_NS : exact < -MAX_DURATION_NS - 1n ? -MAX_DURATION_NS - 1n : exact;
  const size = ns < 0n ? -ns : ns;
  const sign = ns < 0n ? "-" : "";
  if (size === 0n) return "0s";
  if (size < 1000n) return `${sign}${String(size)}ns`;
  if (size < 1_000_000n) return `${sign}${String(size / 1000n)}${trimmedFraction(size % 1000n, 3)}µs`;
  if (size < NS_PER_SECOND) return `${sign}${String(size / 1_000_000n)}${trimmedFraction(size % 1_000_000n, 6)}ms`;
  const allSeconds = size / NS_PER_SECOND;
  const hours = allSeconds / 3600n;
  const minutes = (allSeconds / 60n) % 60n;
  const head = hours > 0n ? `${String(hours)}h${String(minutes)}m` : minutes > 0n ? `${String(minutes)}m` : "";
  return `${sign}${head}${String(allSeconds % 60n)}${trimmedFraction(size % NS_PER_SECOND, 9)}s`;
}

function trimmedFraction(part: bigint, digits: number): string {
  const text = String(part).padStart(digits, "0").replace(/0+$/, "");
  return text === "" ? "" : `.${text}`;
}

function floorMod(value: bigint, by: bigint): bigint {
  return ((value % by) + by) % by;
}
