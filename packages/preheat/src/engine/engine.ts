import type { Digest, HostId } from "@darner/domain";
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
  // Which open jobs want a content: what a host says of one reaches these alone.
  readonly #wanting = new Map<Digest, Set<JobRun>>();
  // One entry a session, bounded by the scheduler.
  readonly #live = new Map<HostId, LiveHost>();
  // When the first thing happened.
  #beganAt: number | undefined;

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
    this.#beganAt ??= now;
    const around = { hosts: this.#hosts, settledAt: this.#beganAt + this.#limits.settleMs };
    switch (event.type) {
      case "job-opened": {
        const run = new JobRun(event.job, event.hasCredential, this.#limits);
        this.#runs.set(run.id, run);
        return this.#with([run], () => run.open(around, now));
      }
      case "image-resolved":
        return this.#with(this.#one(event.job), (run) => {
          for (const { digest } of event.contents.contents) this.#wanting.set(digest, (this.#wanting.get(digest) ?? new Set()).add(run));
          return run.resolved(event.at, event.contents, now);
        });
      case "image-refused":
        return this.#with(this.#one(event.job), (run) => run.refused(event.at, event.reason, now));
      case "host-joined":
        this.#live.set(event.host.host, event.host);
        return this.#with(this.#runs.values(), (run) => run.joined(event.host, around, now));
      case "host-left":
        this.#live.delete(event.host);
        return this.#with(this.#runs.values(), (run) => run.left(event.host, now));
      case "content-held":
        return this.#with(this.#wanting.get(event.digest), (run) => run.held(event.host, event.digest, now));
      case "content-progress":
        return this.#with(this.#wanting.get(event.digest), (run) => run.progress(event.host, event.digest, event.bytes, now));
      case "content-failed":
        return this.#with(this.#wanting.get(event.digest), (run) => run.failed(event.host, event.digest, event.reason, event.isFinal, now));
      case "job-cancelled":
        return this.#with(this.#one(event.job), (run) => run.cancel(now));
      case "job-removed": {
        const ended = this.#with(this.#one(event.job), (run) => run.cancel(now)).filter(({ type }) => type !== "keep-job");
        return [...ended, { type: "forget-job", job: event.job }];
      }
      case "time-passed":
        return this.#with(this.#runs.values(), (run) => (run.due <= now ? run.passed(around, now) : []));
    }
  }

  nextDeadline(): number | undefined {
    let next = Infinity;
    for (const run of this.#runs.values()) next = Math.min(next, run.due);
    return next === Infinity ? undefined : next;
  }

  #one(job: number): JobRun[] {
    const run = this.#runs.get(job);
    return run === undefined ? [] : [run];
  }

  /** What happens to some jobs; those that are over by then are let go. */
  #with(runs: Iterable<JobRun> = [], what: (run: JobRun) => JobEffect[]): JobEffect[] {
    const effects: JobEffect[] = [];
    for (const run of [...runs]) {
      effects.push(...what(run));
      if (run.isOver) this.#letGo(run);
    }
    return effects;
  }

  #letGo(run: JobRun): void {
    this.#runs.delete(run.id);
    for (const digest of run.digests()) {
      const wanting = this.#wanting.get(digest);
      wanting?.delete(run);
      if (wanting?.size === 0) this.#wanting.delete(digest);
    }
  }

  readonly #hosts = (): readonly LiveHost[] => [...this.#live.values()];
}
