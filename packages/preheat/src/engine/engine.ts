import type { HostId } from "@darner/domain";
import type { JobEffect } from "./effect.ts";
import type { JobEvent } from "./event.ts";
import { JobRun } from "./job-run.ts";
import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from "./limits.ts";
import type { LiveHost } from "./live-host.ts";

/** Decides what hosts are to hold for jobs, and how jobs stand. Pure: told the time, no I/O. */
export class JobEngine {
  readonly #limits: EngineLimits;
  // One entry a job that is not over, at most `maxOpenJobs`: whoever opens one asks `isFull` first.
  readonly #runs = new Map<number, JobRun>();
  // One entry a session, bounded by the scheduler.
  readonly #live = new Map<HostId, LiveHost>();

  constructor(limits: EngineLimits = DEFAULT_ENGINE_LIMITS) {
    this.#limits = limits;
  }

  /** Whether as many jobs are open as may be. */
  get isFull(): boolean {
    return this.#runs.size >= this.#limits.maxOpenJobs;
  }

  get openJobs(): number {
    return this.#runs.size;
  }

  handle(event: JobEvent, now: number): JobEffect[] {
    const effects = this.#take(event, now);
    for (const [id, run] of this.#runs) if (run.isOver) this.#runs.delete(id);
    return effects;
  }

  nextDeadline(): number | undefined {
    let next = Infinity;
    for (const run of this.#runs.values()) next = Math.min(next, run.due);
    return next === Infinity ? undefined : next;
  }

  #take(event: JobEvent, now: number): JobEffect[] {
    switch (event.type) {
      case "job-opened": {
        const run = new JobRun(event.job, event.hasCredential, this.#limits);
        this.#runs.set(run.id, run);
        return run.open(this.#hosts(), now);
      }
      case "image-resolved":
        return this.#runs.get(event.job)?.resolved(event.at, event.contents, now) ?? [];
      case "image-refused":
        return this.#runs.get(event.job)?.refused(event.at, event.reason, now) ?? [];
      case "host-joined":
        this.#live.set(event.host.host, event.host);
        return this.#each((run) => run.joined(event.host, this.#hosts(), now));
      case "host-left":
        this.#live.delete(event.host);
        return this.#each((run) => run.left(event.host, now));
      case "content-held":
        return this.#each((run) => run.held(event.host, event.digest, now));
      case "content-progress":
        return this.#each((run) => run.progress(event.host, event.digest, event.bytes, now));
      case "content-failed":
        return this.#each((run) => run.failed(event.host, event.digest, event.reason, event.isFinal, now));
      case "job-cancelled":
        return this.#runs.get(event.job)?.cancel(now) ?? [];
      case "job-removed": {
        const over =
          this.#runs
            .get(event.job)
            ?.cancel(now)
            .filter(({ type }) => type !== "keep-job") ?? [];
        return [...over, { type: "forget-job", job: event.job }];
      }
      case "time-passed":
        return this.#each((run) => (run.due <= now ? run.passed(this.#hosts(), now) : []));
    }
  }

  #each(what: (run: JobRun) => JobEffect[]): JobEffect[] {
    return [...this.#runs.values()].flatMap(what);
  }

  #hosts(): readonly LiveHost[] {
    return [...this.#live.values()];
  }
}
