import { parseDigest } from "@darner/domain";
import type { Job } from "@darner/preheat";
import { DEFAULT_DEADLINE_MS, type AskedJob } from "./dragonfly-request.ts";
import { isObject, member, textMember } from "./json-body.ts";
import { readManifestUrl } from "./manifest-url.ts";
import { refused, shown, taken, type Read } from "./problem.ts";
import { Secret } from "@darner/runtime";

/** Reads the body of `POST /preheats`, which Harbor before 2.12 sends (contracts/harbor-preheat.md 1.8): as with
 * Dragonfly 1 the seeds are warmed, and others take it from there. */
export function readLegacyPreheat(body: unknown): Read<AskedJob> {
  if (!isObject(body)) return refused("the body has to be a JSON object", 400);
  const type = textMember(body, "type");
  if (type !== "image") return refused(`type has to be "image", not ${shown(type)}`);
  const image = readManifestUrl(textMember(body, "url") ?? "");
  if (!image.ok) return refused(image.message.replaceAll("args.url", "url"));
  const digest = parseDigest(textMember(body, "digest") ?? "");
  const headers = member(body, "headers");
  const value = isObject(headers) ? member(headers, "Authorization") : undefined;
  const credential = typeof value === "string" && /^[\x20-\x7e]{1,16384}$/.test(value) ? { authorization: new Secret(value) } : undefined;
  const pinned = digest.ok && digest.known ? { digest: digest.digest } : {};
  const request = {
    images: [{ ...image.value, ...pinned }],
    scope: { kind: "all-seeds" },
    priority: 0,
    deadlineMs: DEFAULT_DEADLINE_MS,
    pinMs: 0,
    requireAll: false,
    via: "legacy",
  } as const;
  return taken({ request, credential });
}

/** A job as Dragonfly 1 answers `GET /preheats/{id}`: the words Harbor knows are WAITING, RUNNING, SUCCESS and FAIL. */
export function legacyRecord(job: Job): object {
  return {
    id: String(job.id),
    status: legacyStatus(job),
    startTime: new Date(job.createdAt).toISOString(),
    finishTime: job.finishedAt === undefined ? "" : new Date(job.finishedAt).toISOString(),
    errorMsg: legacyStatus(job) === "FAIL" ? (job.error ?? "the job was cancelled") : "",
  };
}

function legacyStatus({ state }: Job): "WAITING" | "RUNNING" | "SUCCESS" | "FAIL" {
  switch (state) {
    case "pending":
      return "WAITING";
    case "running":
      return "RUNNING";
    case "succeeded":
    case "partial":
      return "SUCCESS";
    case "failed":
    case "cancelled":
      return "FAIL";
  }
}
