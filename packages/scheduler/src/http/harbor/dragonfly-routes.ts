import { JobError, type Job, type Jobs, type JobState } from "@darner/preheat";
import { jobProblem, type AskedJobs } from "../asked-jobs.ts";
import { problem, type ApiAnswer, type ApiRequest, type ApiRoute } from "../route.ts";
import { readCredential, readDragonflyJob } from "./dragonfly-request.ts";
import { dragonflyRecord, RecordTexts } from "./dragonfly-record.ts";
import { isObject, member, textMember } from "./json-body.ts";
import { readManifestUrl } from "./manifest-url.ts";

// Dragonfly's own numbers for pages.
const DEFAULT_PER_PAGE = 10;
const MAX_PER_PAGE = 50;
const JSON_TYPE = "application/json; charset=utf-8";
// Pages are made of the newest jobs; nobody turns more pages than this.
const MAX_LISTED = 10_000;

// The states Dragonfly's clients list by; those between are PENDING to Harbor.
const STATES: Readonly<Record<string, readonly JobState[]>> = {
  PENDING: ["pending", "running"],
  RECEIVED: [],
  STARTED: [],
  RETRY: [],
  SUCCESS: ["succeeded", "partial"],
  FAILURE: ["failed", "cancelled"],
};

/** The face of a Dragonfly manager (contracts/harbor-preheat.md 1.5, 1.6, 3): what Harbor 2.12 and later drive. */
export function dragonflyRoutes(jobs: Jobs, asked: AskedJobs): readonly ApiRoute[] {
  const route = { access: "token", face: "harbor" } as const;
  const records = new RecordTexts();
  return [
    { ...route, method: "POST", path: "/oapi/v1/jobs", handle: ({ body }) => post(jobs, asked, body) },
    { ...route, method: "GET", path: "/oapi/v1/jobs", handle: (request) => list(jobs, request) },
    {
      ...route,
      method: "GET",
      path: "/oapi/v1/jobs/:id",
      handle: ({ params }) => withJob(jobs, params, (job) => ({ status: 200, text: records.of(job), contentType: JSON_TYPE })),
    },
    {
      ...route,
      method: "DELETE",
      path: "/oapi/v1/jobs/:id",
      handle: ({ params }) =>
        withJob(jobs, params, async ({ id }) => {
          await jobs.remove(id);
          return { status: 200, body: {} };
        }),
    },
  ];
}

async function post(jobs: Jobs, asked: AskedJobs, body: unknown): Promise<ApiAnswer> {
  if (isObject(body) && textMember(body, "type") === "get_image_distribution") return distribution(jobs, member(body, "args"));
  const read = readDragonflyJob(body);
  if (!read.ok) return problem(read.status, read.message);
  const created = await asked.create(read.value.request, read.value.credential);
  return "answer" in created ? created.answer : { status: 200, body: dragonflyRecord(created.job) };
}

/** Which host holds what, answered at once as Dragonfly does (contract 3.3). */
async function distribution(jobs: Jobs, args: unknown): Promise<ApiAnswer> {
  if (!isObject(args)) return problem(422, "args has to be an object");
  const image = readManifestUrl(textMember(args, "url") ?? "");
  if (!image.ok) return problem(image.status, image.message);
  const credential = readCredential(args);
  if (!credential.ok) return problem(credential.status, credential.message);
  try {
    const { contents, hosts } = await jobs.distribution(image.value, credential.value);
    const { repository, scheme = "https" } = image.value;
    const { registry, name } = repository;
    const layer = (digest: string): { url: string } => ({ url: `${scheme}://${registry}/v2/${name}/blobs/${digest}` });
    const peers = hosts.map(({ ip, hostName, holds }) => ({
      ip,
      hostname: hostName,
      cached_layers: holds.map(layer),
      scheduler_cluster_id: 1,
    }));
    return { status: 200, body: { image: { layers: contents.map(({ digest }) => layer(digest)) }, peers } };
  } catch (error) {
    if (!(error instanceof JobError)) throw error;
    return jobProblem(error);
  }
}

async function list(jobs: Jobs, { query }: ApiRequest): Promise<ApiAnswer> {
  const [page, perPage] = [numberIn(query["page"], 1), Math.min(numberIn(query["per_page"], DEFAULT_PER_PAGE), MAX_PER_PAGE)];
  const state = query["state"] ?? "";
  if (state !== "" && !Object.hasOwn(STATES, state)) return problem(422, `unknown state ${state}: ${Object.keys(STATES).join(", ")}`);
  const states = STATES[state];
  const all = await jobs.list({ limit: MAX_LISTED, ...(states === undefined ? {} : { states }) });
  const shown = all.slice((page - 1) * perPage, page * perPage);
  const last = Math.max(1, Math.ceil(all.length / perPage));
  const link = (to: number, rel: string): string => `</oapi/v1/jobs?page=${String(to)}&per_page=${String(perPage)}>; rel="${rel}"`;
  const links = [
    ...(page > 1 ? [link(page - 1, "prev")] : []),
    ...(page < last ? [link(page + 1, "next")] : []),
    link(1, "first"),
    link(last, "last"),
  ];
  return { status: 200, body: shown.map(dragonflyRecord), headers: { link: links.join(",") } };
}

function numberIn(text: string | undefined, fallback: number): number {
  const value = Number(text ?? fallback);
  return Number.isInteger(value) && value >= 1 ? value : fallback;
}

/** The job a path names, or the answer that there is none. */
export async function withJob(
  jobs: Pick<Jobs, "get">,
  params: Readonly<Record<string, string>>,
  answer: (job: Job) => ApiAnswer | Promise<ApiAnswer>,
): Promise<ApiAnswer> {
  const text = params["id"] ?? "";
  const id = /^[0-9]{1,16}$/.test(text) ? Number(text) : undefined;
  if (id === undefined || !Number.isSafeInteger(id)) return problem(400, "a job's id is a whole number");
  const job = await jobs.get(id);
  if (job === undefined) return problem(404, `there is no job ${text}: it was removed, or its time is over`);
  try {
    return await answer(job);
  } catch (error) {
    if (!(error instanceof JobError)) throw error;
    return jobProblem(error);
  }
}
