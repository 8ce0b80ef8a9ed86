import { parsePlatform } from "@darner/domain";
import type { JobCredential, JobRequest, Scope } from "@darner/preheat";
import { Secret } from "@darner/runtime";
import { isObject, member, textMember, type JsonObject } from "./json-body.ts";
import { readManifestUrl } from "./manifest-url.ts";
import { refused, shown, taken, type Read } from "./problem.ts";

/** A job as one of the faces was asked for it. */
export type AskedJob = { readonly request: JobRequest; readonly credential: JobCredential | undefined };

// Harbor gives a task up after 1801 s: a job ends before, so that its reason is read (contract 6.6).
export const DEFAULT_DEADLINE_MS: number = 28 * 60_000;
// A day: what Dragonfly's clients set at most.
const MAX_DEADLINE_MS = 24 * 3600_000;
const NANOSECONDS_PER_MS = 1_000_000;
// A scheduler is one of Dragonfly's clusters, and calls itself the first.
const CLUSTERS: ReadonlySet<number> = new Set([1]);
// A header value that HTTP takes; a pull token of Harbor is some 2 KiB.
const HEADER_VALUE = /^[\x20-\x7e]{1,16384}$/;
const OTHER_TYPES: ReadonlySet<string> = new Set(["get_task", "delete_task", "sync_peers", "gc"]);

/** Reads the body of `POST /oapi/v1/jobs` (contracts/harbor-preheat.md 1.5, 3.2). Keys nobody knows are ignored, as Dragonfly does. */
export function readDragonflyJob(body: unknown): Read<AskedJob> {
  if (!isObject(body)) return refused("the body has to be a JSON object", 400);
  const type = textMember(body, "type");
  if (type !== "preheat") return refused(typeProblem(type));
  const args = member(body, "args");
  if (!isObject(args)) return refused("args has to be an object");
  const kind = textMember(args, "type");
  if (kind !== "image" && kind !== "cnai")
    return refused(`args.type has to be "image" (or "cnai"), not ${shown(kind)}: single files are not preheated here`);
  const url = textMember(args, "url");
  const image = url === undefined || url === "" ? refused("args.url is missing") : readManifestUrl(url);
  if (!image.ok) return image;
  const clusters = readClusters(member(body, "scheduler_cluster_ids"));
  if (!clusters.ok) return clusters;
  const scope = readScope(args);
  if (!scope.ok) return scope;
  const platforms = readPlatform(args);
  if (!platforms.ok) return platforms;
  const deadlineMs = readTimeout(member(args, "timeout"));
  if (!deadlineMs.ok) return deadlineMs;
  const credential = readCredential(args);
  if (!credential.ok) return credential;
  const request: JobRequest = {
    images: [image.value],
    scope: scope.value,
    ...(platforms.value === undefined ? {} : { platforms: platforms.value }),
    ...(clusters.value === undefined ? {} : { clusters: clusters.value }),
    priority: 0,
    deadlineMs: deadlineMs.value,
    pinMs: 0,
    requireAll: false,
    via: "harbor",
  };
  return taken({ request, credential: credential.value });
}

function typeProblem(type: string | undefined): string {
  if (type === undefined || type === "") return 'type has to be "preheat"';
  return OTHER_TYPES.has(type) ? `jobs of type ${type} are not served here: only preheat` : `unknown type ${shown(type)}: only preheat`;
}

/** `null`, absent and `[]` all mean every cluster (contract 1.5). */
function readClusters(value: unknown): Read<readonly number[] | undefined> {
  if (value === undefined || value === null) return taken(undefined);
  if (!Array.isArray(value)) return refused("scheduler_cluster_ids has to be a list of numbers");
  const ids = value as unknown[];
  const unknown = ids.find((id) => typeof id !== "number" || !CLUSTERS.has(id));
  if (unknown !== undefined)
    return refused(`there is no cluster ${shown(unknown)} here: this scheduler is cluster ${[...CLUSTERS].join(", ")}`);
  return taken(ids.length === 0 ? undefined : (ids as number[]));
}

/** `ips` go before `count`, `count` before `percentage`; none of them narrows a single seed (contract 3.2). */
function readScope(args: JsonObject): Read<Scope> {
  const name = textMember(args, "scope");
  const narrowed = readNarrowing(args);
  if (!narrowed.ok) return narrowed;
  switch (name) {
    case "":
    case "single_peer":
    case "single_seed_peer":
      return taken({ kind: "single-seed" });
    case "all_seed_peers":
      return taken({ kind: "all-seeds" });
    case "all_peers":
      return taken(narrowed.value ?? { kind: "all-hosts" });
    case undefined:
    default:
      return refused(`unknown scope ${shown(name)}: single_seed_peer, all_seed_peers or all_peers`);
  }
}

function readNarrowing(args: JsonObject): Read<Scope | undefined> {
  const [ips, count, percent] = [member(args, "ips"), member(args, "count"), member(args, "percentage")];
  if (ips !== undefined && ips !== null) {
    const names = Array.isArray(ips) ? (ips as unknown[]).filter((ip) => typeof ip === "string") : [];
    if (!Array.isArray(ips) || names.length !== ips.length || names.length > 100)
      return refused("args.ips has to be a list of 1 to 100 addresses");
    if (names.length > 0) return taken({ kind: "hosts", names });
  }
  if (isGiven(count))
    return isWhole(count, 200) ? taken({ kind: "hosts", count }) : refused("args.count has to be a whole number from 1 to 200");
  if (isGiven(percent))
    return isWhole(percent, 100) ? taken({ kind: "hosts", percent }) : refused("args.percentage has to be a whole number from 1 to 100");
  return taken(undefined);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== 0;
}

function isWhole(value: unknown, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max;
}

function readPlatform(args: JsonObject): Read<readonly string[] | undefined> {
  const text = textMember(args, "platform");
  if (text === "") return taken(undefined);
  const platform = text === undefined ? undefined : parsePlatform(text);
  return platform === undefined ? refused(`args.platform has to be os/arch or os/arch/variant, not ${shown(text)}`) : taken([platform]);
}

/** In nanoseconds, as Go writes a duration; 0 is the default. */
function readTimeout(value: unknown): Read<number> {
  if (!isGiven(value)) return taken(DEFAULT_DEADLINE_MS);
  const ms = typeof value === "number" && Number.isFinite(value) ? value / NANOSECONDS_PER_MS : Number.NaN;
  if (!(ms >= 1000)) return refused("args.timeout has to be a number of nanoseconds, a second at least, or 0 for the default");
  return taken(Math.min(ms, MAX_DEADLINE_MS));
}

/** The Authorization header Harbor gives, or Dragonfly's user and password; never kept, never told. */
export function readCredential(args: JsonObject): Read<JobCredential | undefined> {
  const headers = member(args, "headers");
  if (headers !== undefined && headers !== null && !isObject(headers)) return refused("args.headers has to be a map of texts");
  const value = isObject(headers) ? member(headers, "Authorization") : undefined;
  if (typeof value === "string" && value !== "") {
    return HEADER_VALUE.test(value)
      ? taken({ authorization: new Secret(value) })
      : refused("args.headers.Authorization is no header value");
  }
  const [username, password] = [textMember(args, "username"), textMember(args, "password")];
  if (username === undefined || password === undefined) return refused("args.username and args.password have to be texts");
  if (username === "") return taken(undefined);
  return taken({ authorization: new Secret(`Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`) });
}
