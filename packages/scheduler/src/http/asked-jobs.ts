import { JobError, type ImageReference, type Job, type JobCredential, type JobRequest, type Jobs } from "@darner/preheat";
import type { Config, Counter } from "@darner/runtime";
import { problem, type ApiAnswer } from "./route.ts";

/** Creates jobs for the faces: what the configuration forbids is refused at once, in a sentence. */
export class AskedJobs {
  readonly #jobs: Jobs;
  readonly #registries: Config["registries"];
  readonly #refused: Counter<"reason">;

  constructor(jobs: Jobs, registries: Config["registries"], refused: Counter<"reason">) {
    this.#jobs = jobs;
    this.#registries = registries;
    this.#refused = refused;
  }

  /** The job, or the answer that says why there is none. */
  async create(
    request: JobRequest,
    credential: JobCredential | undefined,
  ): Promise<{ readonly job: Job } | { readonly answer: ApiAnswer }> {
    const plain = request.images.find((image) => !this.#mayBePlain(image));
    if (plain !== undefined) {
      this.#refused.inc({ reason: "plain-http" });
      return { answer: problem(422, plainProblem(plain)) };
    }
    try {
      return { job: await this.#jobs.create(request, credential) };
    } catch (error) {
      if (!(error instanceof JobError)) throw error;
      return { answer: jobProblem(error) };
    }
  }

  /** A registry is spoken to in the clear only where the operator said so, whatever a URL says. */
  #mayBePlain({ scheme, repository }: ImageReference): boolean {
    return scheme !== "http" || this.#registries[repository.registry]?.plainHttp === true;
  }
}

/** A `JobError` as an answer. */
export function jobProblem(error: JobError): ApiAnswer {
  switch (error.detail.code) {
    case "refused":
      return problem(422, error.message);
    case "busy":
      // Never 429: Harbor takes every refusal for the end of its task, and this one passes.
      return problem(503, error.message, { "retry-after": "10" });
    case "store":
    case "absent":
      return problem(503, error.message);
    case "registry":
      return problem(error.detail.status === 404 ? 404 : 502, error.message);
  }
}

function plainProblem({ repository: { registry } }: ImageReference): string {
  return `${registry} is to be asked by http: for that add registries: { "${registry}": { plainHttp: true } } to the scheduler's and the daemons' configuration`;
}
