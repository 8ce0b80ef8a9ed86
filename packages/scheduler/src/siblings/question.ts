import { parseDigest } from "@darner/domain";
import type { Job, JobErrorDetail, JobFilter, JobRequest } from "@darner/preheat";
import { z } from "zod";
import { scopeSchema } from "../http/native/job-schemas.ts";

/** What one scheduler asks another. */
export type Question =
  /** Who are you, and does anybody follow you? */
  | { readonly type: "facts" }
  /** Take this job; its credential travels beside the question. */
  | { readonly type: "create"; readonly request: JobRequest }
  /** How does a job of yours stand? */
  | { readonly type: "get"; readonly id: number }
  /** Which jobs do you have? Answered in parts, without their hosts. */
  | { readonly type: "list"; readonly filter: JobFilter }
  /** End the work of a job of yours. */
  | { readonly type: "cancel"; readonly id: number }
  /** End it and forget it. */
  | { readonly type: "remove"; readonly id: number }
  /** Tell a job of yours now and after each change, until it is over. */
  | { readonly type: "watch"; readonly id: number };

/** Who a scheduler is to another. */
export type SiblingFacts = {
  /** Drawn when its process began: a scheduler that asks itself knows it by this. */
  readonly instance: string;
  readonly name: string;
  /** What its job ids carry. */
  readonly ordinal: number;
  /** Hosts that follow it; none while it is a standby. */
  readonly followers: number;
  /** The number of its next job: the others go on from there, so that newer jobs have higher ids. */
  readonly next: number;
};

/** What a scheduler answers. */
export type Answer =
  | { readonly type: "facts"; readonly facts: SiblingFacts }
  /** Absent: there is no such job. */
  | { readonly type: "job"; readonly job?: Job }
  | { readonly type: "jobs"; readonly jobs: readonly Job[] }
  /** Whether there was something to end. */
  | { readonly type: "ended"; readonly done: boolean }
  /** A job that cannot be, as `JobError`. */
  | { readonly type: "refused"; readonly code: JobErrorDetail["code"]; readonly message: string }
  /** The question is none that this scheduler knows. */
  | { readonly type: "not-understood"; readonly why: string };

const id = z.int().min(1);
const digest = z.string().refine((text) => parseDigest(text).ok, { error: "is no digest" });
const image = z.object({
  repository: z.object({ registry: z.string().min(1).max(255), name: z.string().min(1).max(255) }),
  tag: z.string().max(255).exactOptional(),
  digest: digest.exactOptional(),
  scheme: z.enum(["http", "https"]).exactOptional(),
});
const request = z.object({
  images: z.array(image).max(1000),
  scope: scopeSchema,
  platforms: z.array(z.string().max(255)).exactOptional(),
  clusters: z.array(z.int()).exactOptional(),
  priority: z.int().min(0).max(100),
  deadlineMs: z.number().min(0),
  pinMs: z.number().min(0),
  requireAll: z.boolean(),
  via: z.enum(["harbor", "kraken", "notification", "legacy", "api", "schedule"]),
});
const state = z.enum(["pending", "running", "succeeded", "partial", "failed", "cancelled"]);
const filter = z.object({ states: z.array(state).exactOptional(), limit: z.int().min(0), before: id.exactOptional() });

// A scheduler of another version may say more: what is not known here is left out.
const questionSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("facts") }),
  z.object({ type: z.literal("create"), request }),
  z.object({ type: z.enum(["get", "cancel", "remove", "watch"]), id }),
  z.object({ type: z.literal("list"), filter }),
]);
const answerSchema = z.looseObject({ type: z.enum(["facts", "job", "jobs", "ended", "refused", "not-understood"]) });

/** Reads a question; a sentence where it is none. */
export function readQuestion(
  text: string,
): { readonly ok: true; readonly question: Question } | { readonly ok: false; readonly why: string } {
  const read = questionSchema.safeParse(parse(text));
  // Digests and names were checked above; their types say so, which the schema's do not.
  if (read.success) return { ok: true, question: read.data as Question };
  return { ok: false, why: read.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ") };
}

/** Reads an answer; undefined where it is none. Jobs are taken as they are: whoever sends them has the cluster's key. */
export function readAnswer(text: string): Answer | undefined {
  const read = answerSchema.safeParse(parse(text));
  return read.success ? (read.data as unknown as Answer) : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
