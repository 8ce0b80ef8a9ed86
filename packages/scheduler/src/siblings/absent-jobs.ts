import { newJob, type Job, type JobRequest } from "@darner/preheat";
import { LruMap } from "@darner/runtime";

// Harbor gives a task up after 1801 s, and reads the reason of one that failed before (contracts/harbor-preheat.md 6.6).
const PATIENCE_MS = 28 * 60_000;
// As many as there are open jobs; one without its hosts is one or two KiB.
const MAX_KNOWN = 2000;

// Nothing is known of what it was asked for.
const UNKNOWN: JobRequest = {
  images: [],
  scope: { kind: "all-hosts" },
  priority: 0,
  deadlineMs: PATIENCE_MS,
  pinMs: 0,
  requireAll: false,
  via: "api",
};

/** What is told of jobs whose scheduler does not answer just now: Harbor takes one failed poll for the end of its task. */
export class AbsentJobs {
  // What was heard last, by id.
  readonly #heard = new LruMap<number, Job>({ maxEntries: MAX_KNOWN });
  readonly #wallNow: () => number;

  constructor(wallNow: () => number) {
    this.#wallNow = wallNow;
  }

  /** Its scheduler told how a job stands. */
  heard(job: Job): void {
    this.#heard.set(job.id, { ...job, hosts: [], contentUrls: [] });
  }

  /** It is not there any more. */
  forget(id: number): void {
    this.#heard.delete(id);
  }

  /** A job that was over stays so; any other is under way, until it has been for longer than Harbor waits. */
  show(id: number): Job {
    const now = this.#wallNow();
    const known = this.#heard.get(id) ?? this.#first(id, now);
    if (known.finishedAt !== undefined) return known;
    const updatedAt = Math.max(now, known.updatedAt);
    if (now < known.createdAt + PATIENCE_MS) return { ...known, updatedAt };
    const error =
      "the scheduler that keeps this job has not answered for 28 minutes: start that scheduler again (its job then goes on), or preheat anew";
    return { ...known, state: "failed", updatedAt, finishedAt: updatedAt, error };
  }

  #first(id: number, now: number): Job {
    const job = newJob(id, UNKNOWN, now);
    this.#heard.set(id, job);
    return job;
  }
}
