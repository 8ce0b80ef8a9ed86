import { JobError, type Jobs, type JobState } from "@darner/preheat";
import { z } from "zod";
import { jobProblem, type AskedJobs } from "../asked-jobs.ts";
import { withJob } from "../harbor/dragonfly-routes.ts";
import { problem, type ApiAnswer, type ApiRequest, type ApiRoute } from "../route.ts";
import { distributionSchema, imageOf, jobListSchema, jobQuerySchema, jobSchema, newJobSchema, requestOf, toldJob } from "./job-schemas.ts";

const ID = { id: "The job's id." };
const none = z.object({});

/** The native API of preheats: what Harbor cannot say. */
export function jobRoutes(jobs: Jobs, asked: AskedJobs): readonly ApiRoute[] {
  const route = { access: "token", face: "api" } as const;
  return [
    {
      ...route,
      method: "POST",
      path: "/api/v1/jobs",
      about: { summary: "Asks hosts to hold images before anybody pulls them.", body: newJobSchema, answer: jobSchema },
      handle: ({ body }) => post(asked, body),
    },
    {
      ...route,
      method: "GET",
      path: "/api/v1/jobs",
      about: { summary: "The jobs, newest first, without their hosts.", query: jobQuerySchema, answer: jobListSchema },
      handle: (request) => list(jobs, request),
    },
    {
      ...route,
      method: "GET",
      path: "/api/v1/jobs/:id",
      about: { summary: "A job, and how far each host is.", params: ID, answer: jobSchema },
      handle: ({ params }) => withJob(jobs, params, (job) => ({ status: 200, body: toldJob(job) })),
    },
    {
      ...route,
      method: "GET",
      path: "/api/v1/jobs/:id/events",
      about: { summary: "The job now and after each change, as server-sent events, until it is over.", params: ID, answer: jobSchema },
      handle: ({ params, signal }) => withJob(jobs, params, ({ id }) => ({ status: 200, events: told(jobs, id, signal) })),
    },
    ...endRoutes(jobs),
    {
      ...route,
      method: "GET",
      path: "/api/v1/images/:image/distribution",
      about: {
        summary: "Which hosts hold what of an image.",
        params: { image: "The image, percent-encoded: harbor.corp%2Fteam%2Fapp:v1." },
        answer: distributionSchema,
      },
      handle: ({ params }) => distribution(jobs, params["image"] ?? ""),
    },
  ];
}

/** The two ways to end a job: keeping its record, or not. */
function endRoutes(jobs: Jobs): readonly ApiRoute[] {
  const route = { access: "token", face: "api" } as const;
  return [
    {
      ...route,
      method: "POST",
      path: "/api/v1/jobs/:id/cancel",
      about: { summary: "Ends a job's work and keeps its record.", params: ID, answer: jobSchema },
      handle: ({ params }) => withJob(jobs, params, ({ id }) => cancel(jobs, id)),
    },
    {
      ...route,
      method: "DELETE",
      path: "/api/v1/jobs/:id",
      about: { summary: "Ends a job's work and forgets it.", params: ID, answer: none },
      handle: ({ params }) =>
        withJob(jobs, params, async ({ id }) => {
          await jobs.remove(id);
          return { status: 200, body: {} };
        }),
    },
  ];
}

async function post(asked: AskedJobs, body: unknown): Promise<ApiAnswer> {
  const read = newJobSchema.safeParse(body);
  if (!read.success) return problem(422, sentenceOf(read.error));
  const { request, credential } = requestOf(read.data);
  if (credential !== undefined && new Set(request.images.map(({ repository }) => repository.registry)).size > 1)
    return problem(422, "credential: one credential is for one registry; ask for the images of each registry in a job of its own");
  const created = await asked.create(request, credential);
  return "answer" in created
    ? created.answer
    : { status: 201, body: toldJob(created.job), headers: { location: `/api/v1/jobs/${String(created.job.id)}` } };
}

async function list(jobs: Jobs, { query }: ApiRequest): Promise<ApiAnswer> {
  const read = jobQuerySchema.safeParse(query);
  if (!read.success) return problem(422, sentenceOf(read.error));
  const { state, limit, before } = read.data as { state?: JobState; limit: number; before?: number };
  const found = await jobs.list({
    limit,
    ...(state === undefined ? {} : { states: [state] }),
    ...(before === undefined ? {} : { before }),
  });
  return { status: 200, body: { jobs: found.map((job) => toldJob(job, false)) } };
}

async function cancel(jobs: Jobs, id: number): Promise<ApiAnswer> {
  if (!(await jobs.cancel(id))) return problem(409, `job ${String(id)} is over already`);
  return withJob(jobs, { id: String(id) }, (job) => ({ status: 200, body: toldJob(job) }));
}

async function* told(jobs: Jobs, id: number, signal: AbortSignal): AsyncIterable<object> {
  for await (const job of jobs.watch(id, signal)) yield toldJob(job);
}

async function distribution(jobs: Jobs, text: string): Promise<ApiAnswer> {
  const [image] = imageOf(text);
  if (image === undefined) return problem(422, "the path names no image: [registry/]name[:tag][@digest], percent-encoded");
  try {
    return { status: 200, body: await jobs.distribution(image) };
  } catch (error) {
    if (!(error instanceof JobError)) throw error;
    return jobProblem(error);
  }
}

/** Everything that is wrong, each with its path. */
function sentenceOf(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${path.length === 0 ? "the body" : path.join(".")}: ${message}`).join("; ");
}
