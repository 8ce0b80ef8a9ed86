import type { Digest, HostId } from "@darner/domain";
import {
  ImageError,
  JobEngine,
  JobError,
  newJob,
  resolveImage,
  type Content,
  type ImageContents,
  type ImageDistribution,
  type ImageReference,
  type Job,
  type JobCredential,
  type JobEffect,
  type JobEvent,
  type JobFilter,
  type JobRequest,
  type Jobs,
  type LiveHost,
  type WarmContent,
} from "@darner/preheat";
import { endOfToken, type Authority, type ManifestBody, type RegistryClient } from "@darner/registry-client";
import { Deadline, LruMap, Mailbox, type Logger, type Secret, type Timers } from "@darner/runtime";
import type { JobStore } from "../job-store/job-store.ts";
import type { PreheatMetrics } from "./preheat-metrics.ts";
import { Watchers } from "./watchers.ts";

/** What a host is told to get for a job. */
export type WarmOrder = {
  readonly host: HostId;
  readonly job: number;
  readonly contents: readonly WarmContent[];
  readonly priority: number;
  readonly pinMs: number;
  /** The job's credential, for the few hosts that read with it. */
  readonly authorization: Secret | undefined;
  /** Whether the host may read the source without a credential of its own: the job came without one, too. */
  readonly mayReadUnasked: boolean;
};

/** How orders reach hosts, and who holds what: the sessions. */
export interface WarmSwarm {
  warm(order: WarmOrder): void;
  release(host: HostId, job: number): void;
  /** Which of these a host holds whole. */
  holds(host: HostId, contents: readonly Pick<Content, "digest" | "size">[]): readonly Digest[];
  live(): readonly LiveHost[];
}

/** What preheat jobs work with. */
export type PreheatDeps = {
  readonly store: JobStore;
  readonly client: RegistryClient;
  readonly swarm: WarmSwarm;
  readonly timers: Timers;
  /** Milliseconds since the epoch, never going back while the process lives. */
  readonly wallNow: () => number;
  readonly log: Logger;
  readonly metrics: PreheatMetrics;
  /** Whether a registry is spoken to in the clear: what the URLs of contents say where a job does not. */
  readonly isPlain: (registry: string) => boolean;
};

// A registry counts each GET of a manifest as a pull; so many are kept for the next job: usually some KiB each, at the very most 16 MiB.
const MAX_MANIFESTS = 256;

// Harbor's client waits 30 s for an answer, and takes the answer to Kraken's notification for the end of the preheat.
const DISTRIBUTION_MS = 25_000;

/** The body of the job engine: resolves images, tells hosts, keeps jobs. */
export class PreheatJobs implements Jobs, AsyncDisposable {
  readonly #deps: PreheatDeps;
  readonly #engine = new JobEngine();
  readonly #mailbox: Mailbox<JobEvent, JobEffect>;
  readonly #watchers = new Watchers();
  readonly #manifests = new LruMap<string, ManifestBody>({ maxEntries: MAX_MANIFESTS });
  // At most one entry each open job.
  readonly #underWay = new Map<string, Promise<unknown>>();
  // One entry an open job that came with a credential; goes with the job.
  readonly #credentials = new Map<number, JobCredential>();
  // Open jobs of which some host has a whole copy.
  readonly #copied = new Set<number>();
  readonly #closing = new AbortController();
  readonly #working = new Set<Promise<void>>();

  constructor(deps: PreheatDeps) {
    this.#deps = deps;
    const clock: Timers = { now: deps.wallNow, setTimeout: (run, ms) => deps.timers.setTimeout(run, ms) };
    this.#mailbox = new Mailbox(this.#engine, clock, { type: "time-passed" }, (effects) => {
      for (const effect of effects) this.#perform(effect);
    });
  }

  /** Goes on with the jobs that were not over when the last process ended; their credentials went with it. */
  start(): void {
    const open = this.#deps.store.all().filter(({ finishedAt }) => finishedAt === undefined);
    for (const kept of open.reverse()) {
      const job = this.#ofNow(kept);
      if (job.hosts.some(({ state }) => state === "complete")) this.#copied.add(job.id);
      this.#mailbox.post({ type: "job-opened", job, hasCredential: false });
    }
  }

  /** A clock that was set back while no scheduler ran makes no job younger than now, nor its deadline later. */
  #ofNow(job: Job): Job {
    const now = this.#deps.wallNow();
    return job.updatedAt <= now ? job : { ...job, createdAt: Math.min(job.createdAt, now), updatedAt: now };
  }

  /** What the sessions report. */
  post(event: Extract<JobEvent, { readonly host: unknown }>): void {
    this.#mailbox.post(event);
  }

  readiness(): ReturnType<Jobs["readiness"]> {
    const why =
      this.#deps.store.failure ?? (this.#deps.swarm.live().length === 0 ? "no daemon has a session with this scheduler" : undefined);
    return why === undefined ? { ready: true } : { ready: false, why };
  }

  async create(request: JobRequest, credential?: JobCredential): Promise<Job> {
    const { metrics } = this.#deps;
    if (this.#engine.isFull) {
      metrics.refused.inc({ reason: "busy" });
      throw new JobError({ code: "busy" }, `${String(this.#engine.openJobs)} jobs are open, as many as may be: try again later`);
    }
    const now = this.#deps.wallNow();
    try {
      const id = await this.#deps.store.nextId();
      const job: Job = {
        ...newJob(id, this.#withSchemes(request), now),
        ...(credential === undefined ? {} : { cameWithCredential: true }),
      };
      await this.#deps.store.keep(job);
      if (credential !== undefined) this.#credentials.set(id, credential);
      this.#mailbox.post({ type: "job-opened", job, hasCredential: credential !== undefined });
      return job;
    } catch (cause) {
      metrics.refused.inc({ reason: "store" });
      throw new JobError({ code: "store", cause }, "the job cannot be kept: look at the disk of the scheduler's dataDir", { cause });
    }
  }

  get(id: number): Promise<Job | undefined> {
    return Promise.resolve(this.#deps.store.get(id));
  }

  list({ states, limit, before }: JobFilter): Promise<readonly Job[]> {
    const fitting = this.#deps.store
      .all()
      .filter((job) => (states?.includes(job.state) ?? true) && (before === undefined || job.id < before));
    return Promise.resolve(fitting.slice(0, limit));
  }

  cancel(id: number): Promise<boolean> {
    const job = this.#deps.store.get(id);
    if (job === undefined || job.finishedAt !== undefined) return Promise.resolve(false);
    this.#mailbox.post({ type: "job-cancelled", job: id });
    return Promise.resolve(true);
  }

  async remove(id: number): Promise<boolean> {
    if (this.#deps.store.get(id) === undefined) return false;
    this.#mailbox.post({ type: "job-removed", job: id });
    await this.#deps.store.remove(id);
    return true;
  }

  watch(id: number, signal: AbortSignal): AsyncIterable<Job> {
    return this.#watchers.watch(id, this.#deps.store.get(id), signal);
  }

  async distribution(reference: ImageReference, credential?: JobCredential): Promise<ImageDistribution> {
    using deadline = new Deadline(DISTRIBUTION_MS, this.#closing.signal, this.#deps.timers);
    const { image, contents } = await this.#resolve(reference, undefined, credential, deadline.signal).catch((error: unknown) => {
      if (isTimeout(error)) throw new JobError({ code: "registry" }, tooLate(reference), { cause: error });
      if (!(error instanceof ImageError)) throw error;
      const detail = { code: "registry", ...(error.status === undefined ? {} : { status: error.status }) } as const;
      throw new JobError(detail, error.message, { cause: error });
    });
    const hosts = this.#deps.swarm.live().map(({ host, name, ip, zone }) => {
      const holds = this.#deps.swarm.holds(host, contents);
      return { host, hostName: name, ip, zone, holds, complete: holds.length === contents.length };
    });
    const told = contents.map(({ digest, size, mediaType }) => ({ digest, size, mediaType }));
    return { image: image.name, digest: image.digest, contents: told, hosts };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#mailbox[Symbol.dispose]();
    this.#closing.abort();
    this.#watchers.close();
    await Promise.allSettled(this.#working);
  }

  #perform(effect: JobEffect): void {
    const { swarm } = this.#deps;
    switch (effect.type) {
      case "resolve-image":
        this.#inBackground(this.#answer(effect));
        return;
      case "warm-host": {
        const { type: _type, mayRead, ...order } = effect;
        const credential = this.#credentials.get(effect.job);
        swarm.warm({ ...order, authorization: mayRead ? credential?.authorization : undefined, mayReadUnasked: credential === undefined });
        return;
      }
      case "release-host":
        swarm.release(effect.host, effect.job);
        return;
      case "keep-job":
        this.#keep(effect.job, effect.isDurable);
        return;
      case "job-over":
        this.#credentials.delete(effect.job);
        this.#copied.delete(effect.job);
        return;
      case "forget-job":
        this.#watchers.end(effect.job);
    }
  }

  #keep(job: Job, isDurable: boolean): void {
    const { store, log } = this.#deps;
    store.show(job);
    this.#count(job);
    if (isDurable) {
      const kept = store.keep(job).catch((error: unknown) => {
        log.error("job could not be kept", { job: job.id, error });
      });
      this.#inBackground(kept);
    }
    if (job.finishedAt !== undefined)
      log.info("preheat job over", { job: job.id, state: job.state, hosts: job.hosts.length, ...(job.error && { error: job.error }) });
    this.#watchers.tell(job);
  }

  #count(job: Job): void {
    const { metrics } = this.#deps;
    if (!this.#copied.has(job.id) && job.hosts.some(({ state }) => state === "complete")) {
      this.#copied.add(job.id);
      metrics.firstCopySeconds.observe((job.updatedAt - job.createdAt) / 1000);
    }
    if (job.finishedAt === undefined) return;
    metrics.over.inc({ via: job.request.via, state: job.state });
    metrics.bytes.inc(job.hosts.reduce((sum, { bytesHeld }) => sum + bytesHeld, 0));
  }

  /** Where a job does not say how its registry is spoken to, the configuration does. */
  #withSchemes(request: JobRequest): JobRequest {
    const { isPlain } = this.#deps;
    const images = request.images.map((image) =>
      image.scheme === undefined && isPlain(image.repository.registry) ? { ...image, scheme: "http" as const } : image,
    );
    return { ...request, images };
  }

  async #answer({ job, at, reference, platforms }: Extract<JobEffect, { type: "resolve-image" }>): Promise<void> {
    try {
      const contents = await this.#resolve(reference, platforms, this.#credentials.get(job));
      for (const note of contents.image.notes) this.#deps.log.info("preheat note", { job, note });
      this.#deps.metrics.images.inc({ outcome: "resolved" });
      this.#mailbox.post({ type: "image-resolved", job, at, contents });
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      if (!(error instanceof ImageError)) this.#deps.log.error("image could not be resolved", { job, error });
      const reason = error instanceof ImageError ? error.message : "the image could not be resolved: the scheduler's log says why";
      this.#deps.metrics.images.inc({ outcome: "refused" });
      this.#mailbox.post({ type: "image-refused", job, at, reason });
    }
  }

  /** With the job's credential; where the registry refuses that, with Darner's own. */
  async #resolve(
    reference: ImageReference,
    platforms: readonly string[] | undefined,
    credential: JobCredential | undefined,
    signal = this.#closing.signal,
  ): Promise<ImageContents> {
    const { client, wallNow } = this.#deps;
    const ask = (authority: Authority): Promise<ImageContents> =>
      resolveImage(reference, platforms, {
        client,
        authority,
        manifests: this.#manifests,
        underWay: this.#underWay,
        signal,
      });
    if (credential === undefined) return ask({ kind: "own" });
    const { authorization } = credential;
    const end = endOfToken(authorization);
    try {
      return await ask({ kind: "caller", authorization });
    } catch (error) {
      if (!(error instanceof ImageError) || !error.isDenied) throw error;
      const why = end !== undefined && end <= wallNow() ? `token expired at ${new Date(end).toISOString()}; ` : "";
      return ask({ kind: "own" }).catch(() => {
        throw new ImageError(`${error.message}${why === "" ? "" : ` (${why.slice(0, -2)})`}`, error.status, { cause: error });
      });
    }
  }

  #inBackground(work: Promise<void>): void {
    this.#working.add(work);
    void work.finally(() => this.#working.delete(work));
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

function tooLate({ repository: { registry, name }, tag, digest }: ImageReference): string {
  const image = `${registry}/${name}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
  return `${image}: ${registry} did not tell within ${String(DISTRIBUTION_MS / 1000)} s what the image consists of: look after that registry, and ask again`;
}
