import {
  JobError,
  newJob,
  type ImageDistribution,
  type ImageReference,
  type Job,
  type JobCredential,
  type JobFilter,
  type JobRequest,
  type Jobs,
} from "@darner/preheat";
import { randomBlob } from "@darner/testkit";

/** Jobs that a test moves on by hand. */
export class ScriptedJobs implements Jobs {
  readonly jobs = new Map<number, Job>();
  readonly credentials: (string | undefined)[] = [];
  ready: ReturnType<Jobs["readiness"]> = { ready: true };
  /** What `create` and `distribution` fail with. */
  failure: JobError | undefined;
  readonly #ordinal: number;
  #changed = Promise.withResolvers<undefined>();

  /** `ordinal`: of the scheduler whose jobs they are. */
  constructor(ordinal = 0) {
    this.#ordinal = ordinal;
  }

  readiness(): ReturnType<Jobs["readiness"]> {
    return this.ready;
  }

  create(request: JobRequest, credential?: JobCredential): Promise<Job> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const id = (this.jobs.size + 1) * 16 + this.#ordinal;
    const job = newJob(id, request, 1000);
    this.jobs.set(id, job);
    this.credentials.push(credential?.authorization.reveal());
    return Promise.resolve(job);
  }

  get(id: number): Promise<Job | undefined> {
    return Promise.resolve(this.jobs.get(id));
  }

  list({ states, limit, before }: JobFilter): Promise<readonly Job[]> {
    const all = [...this.jobs.values()]
      .reverse()
      .filter(({ id, state }) => (states?.includes(state) ?? true) && (before === undefined || id < before));
    return Promise.resolve(all.slice(0, limit));
  }

  cancel(id: number): Promise<boolean> {
    return Promise.resolve(this.change(id, { state: "cancelled", finishedAt: 2000 }));
  }

  remove(id: number): Promise<boolean> {
    return Promise.resolve(this.jobs.delete(id));
  }

  async *watch(id: number, signal: AbortSignal): AsyncIterable<Job> {
    for (let job = this.jobs.get(id); job !== undefined && !signal.aborted; job = this.jobs.get(id)) {
      yield job;
      if (job.finishedAt !== undefined) return;
      await this.#changed.promise;
    }
  }

  distribution({ repository, tag }: ImageReference): Promise<ImageDistribution> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const { digest } = randomBlob("distribution", 1);
    return Promise.resolve({
      image: `${repository.registry}/${repository.name}:${tag ?? ""}`,
      digest,
      contents: [{ digest, size: 1, mediaType: "x" }],
      hosts: [],
    });
  }

  /** Moves a job on, and tells who watches. */
  change(id: number, change: Partial<Job>): boolean {
    const job = this.jobs.get(id);
    if (job === undefined || job.finishedAt !== undefined) return false;
    this.jobs.set(id, { ...job, ...change });
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
    return true;
  }
}
