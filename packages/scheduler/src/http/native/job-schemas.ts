import { parsePlatform, parseReference } from "@darner/domain";
import type { ImageReference, Job, JobCredential, JobRequest, Scope } from "@darner/preheat";
import { Secret } from "@darner/runtime";
import { z } from "zod";
import { DEFAULT_DEADLINE_MS } from "../harbor/dragonfly-request.ts";

const MAX_IMAGES = 1000;
const MAX_NAMES = 10_000;
const DAY_SECONDS = 24 * 3600;

const image = z
  .string()
  .max(512)
  .refine((text) => parseReference(text) !== undefined, { error: "is no image: [registry/]name[:tag][@digest]" })
  .meta({ description: "An image, as in harbor.corp/team/app:v1; a tag is resolved once, and its digest used ever after." });

/** Which hosts are to hold the images. */
export const scopeSchema: z.ZodType<Scope> = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("single-seed") }).meta({ description: "One seed; where the cluster has none, one host." }),
    z.strictObject({ kind: z.literal("all-seeds") }).meta({ description: "Every seed; where the cluster has none, one host." }),
    z.strictObject({ kind: z.literal("all-hosts") }).meta({ description: "Every host, those that join meanwhile included." }),
    z
      .strictObject({
        kind: z.literal("hosts"),
        count: z.int().min(1).max(100_000).exactOptional().meta({ description: "So many hosts, spread over zones." }),
        percent: z
          .int()
          .min(1)
          .max(100)
          .exactOptional()
          .meta({ description: "So many of a hundred, rounded down, one at least; count goes before." }),
        zones: z
          .array(z.string().min(1).max(255))
          .min(1)
          .max(MAX_NAMES)
          .exactOptional()
          .meta({ description: "Zone prefixes, as in eu-1 or eu-1/rack-7." }),
        names: z
          .array(z.string().min(1).max(255))
          .min(1)
          .max(MAX_NAMES)
          .exactOptional()
          .meta({ description: "Host names, addresses or host ids." }),
        labels: z
          .record(z.string().max(255), z.string().max(255))
          .exactOptional()
          .meta({ description: "Labels a host must have, all of them." }),
      })
      .meta({ description: "Hosts that meet everything that is named here." }),
  ])
  .meta({ description: "Which hosts are to hold the images." });

const platform = z
  .string()
  .refine((text) => parsePlatform(text) !== undefined, { error: "is no platform: os/arch or os/arch/variant" })
  .meta({ description: "As in linux/arm64." });

const credential = z
  .union([
    z.strictObject({ token: z.string().regex(/^[\x21-\x7e]{1,16384}$/, "is no token") }),
    z.strictObject({ username: z.string().min(1).max(1024), password: z.string().max(16_384) }),
  ])
  .meta({ description: "What the registry of the images is read with; kept in memory only, and forgotten with the job." });

/** The body of `POST /api/v1/jobs`. */
export const newJobSchema: z.ZodType<NewJob> = z.strictObject({
  images: z.array(image).min(1).max(MAX_IMAGES),
  scope: scopeSchema.default({ kind: "all-hosts" }),
  platforms: z.array(platform).min(1).max(64).exactOptional().meta({ description: "Default: those of the hosts of the scope." }),
  priority: z.int().min(0).max(100).default(0).meta({ description: "Higher goes first among preheats; readers go before all." }),
  deadlineSeconds: z
    .number()
    .min(1)
    .max(DAY_SECONDS)
    .default(DEFAULT_DEADLINE_MS / 1000),
  pinSeconds: z
    .number()
    .min(0)
    .max(365 * DAY_SECONDS)
    .default(0)
    .meta({ description: "How long the hosts keep the content from eviction." }),
  requireAll: z.boolean().default(false).meta({ description: "Whether a host that fails fails the job." }),
  credential: credential.exactOptional(),
});

/** A job as it is asked for over the native API. */
export type NewJob = {
  readonly images: readonly string[];
  readonly scope: JobRequest["scope"];
  readonly platforms?: readonly string[];
  readonly priority: number;
  readonly deadlineSeconds: number;
  readonly pinSeconds: number;
  readonly requireAll: boolean;
  readonly credential?: { readonly token: string } | { readonly username: string; readonly password: string };
};

const state = z.enum(["pending", "running", "succeeded", "partial", "failed", "cancelled"]);
const progress = z.object({
  host: z.string(),
  hostName: z.string(),
  ip: z.string(),
  zone: z.string(),
  cluster: z.int(),
  state: z.enum(["waiting", "running", "complete", "failed", "not-applicable"]),
  contents: z.int(),
  contentsHeld: z.int(),
  bytes: z.int(),
  bytesHeld: z.int(),
});

/** A job as the native API tells it. */
export const jobSchema: z.ZodObject = z.object({
  id: z.int(),
  state,
  via: z.string(),
  images: z.array(z.string()),
  scope: scopeSchema,
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().optional(),
  error: z.string().optional(),
  resolved: z.array(z.looseObject({ name: z.string(), digest: z.string(), platforms: z.array(z.string()), bytes: z.int() })),
  hosts: z.array(progress),
  failures: z.array(z.looseObject({ hostName: z.string(), url: z.string(), description: z.string() })),
  failuresLeftOut: z.int(),
});

/** A list of jobs, newest first, without their hosts. */
export const jobListSchema: z.ZodObject = z.object({ jobs: z.array(jobSchema) });

/** The query of `GET /api/v1/jobs`. */
export const jobQuerySchema: z.ZodObject = z.object({
  state: state.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  before: z.coerce.number().int().min(1).optional().meta({ description: "Only jobs with a lower id: the next page." }),
});

/** Who holds what of an image. */
export const distributionSchema: z.ZodObject = z.object({
  image: z.string(),
  digest: z.string(),
  contents: z.array(z.object({ digest: z.string(), size: z.int(), mediaType: z.string() })),
  hosts: z.array(
    z.object({
      host: z.string(),
      hostName: z.string(),
      ip: z.string(),
      zone: z.string(),
      holds: z.array(z.string()),
      complete: z.boolean(),
    }),
  ),
});

/** The request and the credential of a new job. */
export function requestOf(asked: NewJob): { readonly request: JobRequest; readonly credential: JobCredential | undefined } {
  const { images, scope: hosts, platforms, priority, deadlineSeconds, pinSeconds, requireAll } = asked;
  const request: JobRequest = {
    images: images.flatMap(imageOf),
    scope: hosts,
    ...(platforms === undefined ? {} : { platforms: platforms.map((text) => parsePlatform(text) ?? text) }),
    priority,
    deadlineMs: deadlineSeconds * 1000,
    pinMs: pinSeconds * 1000,
    requireAll,
    via: "api",
  };
  return { request, credential: credentialOf(asked.credential) };
}

/** An image as people write it. */
export function imageOf(text: string): readonly ImageReference[] {
  const reference = parseReference(text);
  if (reference === undefined) return [];
  const { registry, name, tag, digest } = reference;
  return [{ repository: { registry, name }, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) }];
}

function credentialOf(given: NewJob["credential"]): JobCredential | undefined {
  if (given === undefined) return undefined;
  if ("token" in given) return { authorization: new Secret(`Bearer ${given.token}`) };
  return { authorization: new Secret(`Basic ${Buffer.from(`${given.username}:${given.password}`, "utf8").toString("base64")}`) };
}

/** A job as people and programs are told it; `withHosts`: also how far each host is. */
export function toldJob(job: Job, withHosts = true): object {
  const { request } = job;
  return {
    id: job.id,
    state: job.state,
    via: request.via,
    images: request.images.map(
      ({ repository: { registry, name }, tag, digest }) =>
        `${registry}/${name}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`,
    ),
    scope: request.scope,
    createdAt: new Date(job.createdAt).toISOString(),
    updatedAt: new Date(job.updatedAt).toISOString(),
    ...(job.finishedAt === undefined ? {} : { finishedAt: new Date(job.finishedAt).toISOString() }),
    ...(job.error === undefined ? {} : { error: job.error }),
    resolved: job.images,
    hosts: withHosts ? job.hosts : [],
    failures: job.failures,
    failuresLeftOut: job.failuresLeftOut,
  };
}
