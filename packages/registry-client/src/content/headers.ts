import { parseDigest, type Digest } from "@darner/domain";

/** Response headers as undici hands them out: lower-case names, several values as an array. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** A Content-Range that tells where its bytes belong; `total` is absent for `*`. */
export type ContentRange = { readonly start: number; readonly end: number; readonly total?: number };

// More digits than these are no byte count a number holds exactly.
const RANGE = /^bytes\s+([0-9]{1,16})-([0-9]{1,16})\/(\*|[0-9]{1,16})$/i;

/** The only value of a header; undefined where it is absent or there are several. */
export function single(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}

/** All values of a header, each as it came. */
export function values(headers: Headers, name: string): string[] {
  const value = headers[name];
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

/** Content-Length as a byte count; undefined where it is absent or none. */
export function contentLength(headers: Headers): number | undefined {
  const value = single(headers, "content-length");
  return value !== undefined && /^[0-9]{1,16}$/.test(value) && Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
}

/** Reads a Content-Range of one part (RFC 9110 section 14.4), its end turned into an exclusive one; undefined where it contradicts itself. */
export function contentRange(headers: Headers): ContentRange | undefined {
  const match = RANGE.exec(single(headers, "content-range") ?? "");
  if (match === null) return undefined;
  const [start, end] = [Number(match[1]), Number(match[2]) + 1];
  const total = match[3] === "*" ? undefined : Number(match[3]);
  if (end <= start || (total !== undefined && total < end) || !Number.isSafeInteger(total ?? end)) return undefined;
  return total === undefined ? { start, end } : { start, end, total };
}

/** Content-Type without its parameters; empty where there is none. */
export function mediaType(headers: Headers): string {
  return (single(headers, "content-type")?.split(";")[0] ?? "").trim();
}

/** Docker-Content-Digest where it is a digest. */
export function contentDigest(headers: Headers): Digest | undefined {
  const parsed = parseDigest(single(headers, "docker-content-digest") ?? "");
  return parsed.ok ? parsed.digest : undefined;
}

/** Whether the body is encoded although identity was asked for. */
export function isEncoded(headers: Headers): boolean {
  return values(headers, "content-encoding").some((value) => !["", "identity"].includes(value.trim().toLowerCase()));
}

// 10 s: Harbor sends none; short enough that a wrong guess does not stop a cluster, long enough to be a pause.
const DEFAULT_RETRY_MS = 10_000;
// One hour: a registry cannot close itself to a node for days with one header.
const MAX_RETRY_MS = 3_600_000;

/** Retry-After (RFC 9110 section 10.2.3: seconds or a date) in milliseconds, bounded; undefined where absent or unreadable. */
export function retryAfterMs(headers: Headers, wallClockMs: number): number | undefined {
  const value = single(headers, "retry-after")?.trim() ?? "";
  if (/^[0-9]{1,9}$/.test(value)) return Math.min(Number(value) * 1000, MAX_RETRY_MS);
  const due = Date.parse(value);
  if (value === "" || Number.isNaN(due)) return undefined;
  // The registry's own Date tells what its clock says; only without one does ours have to do.
  const sent = Date.parse(single(headers, "date") ?? "");
  return Math.min(Math.max(0, due - (Number.isNaN(sent) ? wallClockMs : sent)), MAX_RETRY_MS);
}

/** How long to leave a registry alone after a 429. */
export function backOffMs(headers: Headers, wallClockMs: number): number {
  return retryAfterMs(headers, wallClockMs) ?? DEFAULT_RETRY_MS;
}
