import { JobError, type ImageReference, type JobRequest, type Jobs, type Scope } from "@darner/preheat";
import { jobProblem, type AskedJobs } from "../asked-jobs.ts";
import { problem, type ApiAnswer, type ApiRoute } from "../route.ts";
import { DEFAULT_DEADLINE_MS } from "./dragonfly-request.ts";
import { readNotification } from "./notification.ts";

/** The face of a Kraken proxy, and of anybody a registry notifies (contracts/harbor-preheat.md 1.7): a push becomes a preheat. */
export function krakenRoutes(jobs: Jobs, asked: AskedJobs, scope: Scope): readonly ApiRoute[] {
  return [
    {
      method: "POST",
      path: "/registry/notifications",
      access: "token",
      face: "kraken",
      handle: ({ body }) => notified(jobs, asked, scope, body),
    },
  ];
}

/**
 * Harbor takes the answer for the end of the preheat: whether the images can be had at all is found out before it
 * (contract 4, "success reported although nothing was transferred").
 */
async function notified(jobs: Jobs, asked: AskedJobs, scope: Scope, body: unknown): Promise<ApiAnswer> {
  const read = readNotification(body);
  if (!read.ok) return problem(read.status, read.message);
  const images = distinct(read.value);
  try {
    // All at once: the answer is waited for 30 s, whatever the number of images.
    await Promise.all(images.map((image) => jobs.distribution(image)));
  } catch (error) {
    if (!(error instanceof JobError)) throw error;
    return jobProblem(error);
  }
  const ids: number[] = [];
  for (const image of images) {
    const created = await asked.create(requestFor(image, scope), undefined);
    if ("answer" in created) return created.answer;
    ids.push(created.job.id);
  }
  return { status: 200, body: { jobs: ids } };
}

function requestFor(image: ImageReference, scope: Scope): JobRequest {
  return { images: [image], scope, priority: 0, deadlineMs: DEFAULT_DEADLINE_MS, pinMs: 0, requireAll: false, via: "notification" };
}

/** One push of an index is told of once for each of its manifests and tags. */
function distinct(images: readonly ImageReference[]): readonly ImageReference[] {
  const key = ({ repository, digest, tag }: ImageReference): string => `${repository.registry}/${repository.name}@${digest ?? tag ?? ""}`;
  return [...new Map(images.map((image) => [key(image), image])).values()];
}
