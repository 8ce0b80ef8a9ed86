import type { Digest, HostId } from "@darner/domain";
import type { ImageContents } from "../image/resolve-image.ts";
import type { HostFailure, Job, JobState, ResolvedImage } from "../job.ts";
import type { JobEffect, WarmContent } from "./effect.ts";
import type { EngineLimits } from "./limits.ts";
import type { LiveHost } from "./live-host.ts";
import { hostsOf, takesNewcomers } from "./scope.ts";
import { Target } from "./target.ts";

type ImageState =
  | { readonly state: "asked" }
  | { readonly state: "resolved"; readonly image: ResolvedImage }
  | { readonly state: "refused"; readonly reason: string };

// A scheduler is one of Dragonfly's clusters, and calls itself the first.
const CLUSTER = 1;
// Of the hosts of a job so many get its credential: one reads, and one stands by for when that one is lost.
const READERS = 2;

/** A job that is not over. */
export class JobRun {
  #job: Job;
  readonly #limits: EngineLimits;
  readonly #hasCredential: boolean;
  readonly #targets = new Map<HostId, Target>();
  readonly #contents = new Map<Digest, WarmContent>();
  readonly #images: ImageState[];
  #scopeIsSet = false;
  #asked = false;
  #due = Infinity;
  #toldAt = -Infinity;
  #isStale = false;

  constructor(job: Job, hasCredential: boolean, limits: EngineLimits) {
    this.#job = job;
    this.#limits = limits;
    this.#hasCredential = hasCredential;
    this.#images = job.request.images.map(() => ({ state: "asked" }));
  }

  get id(): number {
    return this.#job.id;
  }

  get isOver(): boolean {
    return this.#job.finishedAt !== undefined;
  }

  /** When the job wants to be looked at again. */
  get due(): number {
    return Math.min(this.#due, this.#deadline, this.#isStale ? this.#toldAt + this.#limits.progressEveryMs : Infinity);
  }

  /** The job begins, or goes on after a restart: as soon as a host is there its images are resolved, by the digest they had where they had one. */
  open(live: readonly LiveHost[], now: number): JobEffect[] {
    return [...this.#begin(live), ...this.#look(now, true)];
  }

  resolved(at: number, { repository, image, contents }: ImageContents, now: number): JobEffect[] {
    if (this.#images[at]?.state !== "asked") return [];
    this.#images[at] = { state: "resolved", image };
    const fresh: WarmContent[] = [];
    for (const content of contents) {
      if (this.#contents.has(content.digest)) continue;
      const warm = { ...content, repository };
      this.#contents.set(content.digest, warm);
      fresh.push(warm);
    }
    const effects = [...this.#targets.values()].flatMap((target) => this.#order(target, fresh));
    return [...effects, ...this.#look(now, true)];
  }

  refused(at: number, reason: string, now: number): JobEffect[] {
    if (this.#images[at]?.state !== "asked") return [];
    this.#images[at] = { state: "refused", reason };
    return this.#look(now, true);
  }

  joined(host: LiveHost, live: readonly LiveHost[], now: number): JobEffect[] {
    const known = this.#targets.get(host.host);
    if (known !== undefined) {
      known.absentSince = undefined;
      const open = known.open().flatMap((digest) => this.#contents.get(digest) ?? []);
      return open.length === 0 ? [] : [this.#warm(known, open)];
    }
    if (!this.#scopeIsSet) return [...this.#begin(live), ...this.#look(now, false)];
    if (!takesNewcomers(this.#job.request.scope) || hostsOf(this.#job.request.scope, [host]).length === 0) return [];
    return [...this.#add(host), ...this.#look(now, false)];
  }

  left(host: HostId, now: number): JobEffect[] {
    const target = this.#targets.get(host);
    if (target === undefined || target.state === "complete" || target.state === "failed") return [];
    target.absentSince = now;
    this.#plan(now + this.#limits.absentMs);
    return target.mayRead ? this.#appointReaders() : [];
  }

  held(host: HostId, digest: Digest, now: number): JobEffect[] {
    return this.#targets.get(host)?.hold(digest) === true ? this.#look(now, false) : [];
  }

  progress(host: HostId, digest: Digest, bytes: number, now: number): JobEffect[] {
    return this.#targets.get(host)?.progress(digest, bytes) === true ? this.#look(now, false) : [];
  }

  failed(host: HostId, digest: Digest, reason: string, isFinal: boolean, now: number): JobEffect[] {
    const { maxTries, retryMs, maxRetryMs } = this.#limits;
    const retryAt = (tries: number): number | undefined =>
      isFinal || tries >= maxTries ? undefined : now + Math.min(maxRetryMs, retryMs * 2 ** (tries - 1));
    const target = this.#targets.get(host);
    if (target?.fail(digest, reason, retryAt) !== true) return [];
    this.#plan(target.nextDue() ?? Infinity);
    return this.#look(now, false);
  }

  cancel(now: number): JobEffect[] {
    return this.#end("cancelled", now);
  }

  passed(live: readonly LiveHost[], now: number): JobEffect[] {
    if (now >= this.#deadline) return this.#end(this.#hasWholeCopy() ? "partial" : "failed", now, this.#overdue(live));
    const effects: JobEffect[] = [];
    if (now >= this.#due) {
      this.#due = Infinity;
      if (!this.#scopeIsSet && now >= this.#job.createdAt + this.#limits.absentMs) return this.#end("failed", now, this.#nobody());
      for (const target of this.#targets.values()) effects.push(...this.#lookAfter(target, now));
    }
    return [...effects, ...this.#look(now, false)];
  }

  get #deadline(): number {
    return this.#job.createdAt + this.#job.request.deadlineMs;
  }

  #begin(live: readonly LiveHost[]): JobEffect[] {
    const chosen = hostsOf(this.#job.request.scope, live);
    if (chosen.length === 0) {
      this.#plan(this.#job.createdAt + this.#limits.absentMs);
      return [];
    }
    this.#scopeIsSet = true;
    const effects = chosen.flatMap((host) => this.#add(host));
    if (this.#asked) return effects;
    this.#asked = true;
    const platforms = this.#job.request.platforms ?? [...new Set(chosen.map(({ platform }) => platform))].sort();
    const asks = this.#job.request.images.map((reference, at): JobEffect => {
      const pinned = this.#job.images[at]?.digest;
      return {
        type: "resolve-image",
        job: this.id,
        at,
        reference: pinned === undefined ? reference : { ...reference, digest: pinned },
        platforms,
      };
    });
    return [...effects, ...asks];
  }

  #add(host: LiveHost): JobEffect[] {
    const target = new Target(host);
    this.#targets.set(host.host, target);
    return [...this.#appointReaders(), ...this.#order(target, [...this.#contents.values()])];
  }

  /** The credential goes to as few hosts as will do, seeds first; who got it is asked again, now with it. */
  #appointReaders(): JobEffect[] {
    if (!this.#hasCredential) return [];
    const present = [...this.#targets.values()].filter(({ absentSince, state }) => absentSince === undefined && state !== "failed");
    const missing = READERS - present.filter(({ mayRead }) => mayRead).length;
    const next = present.filter(({ mayRead }) => !mayRead).sort((a, b) => Number(b.about.seed) - Number(a.about.seed));
    return next.slice(0, Math.max(0, missing)).flatMap((target) => {
      target.mayRead = true;
      const open = target.open().flatMap((digest) => this.#contents.get(digest) ?? []);
      return open.length === 0 ? [] : [this.#warm(target, open)];
    });
  }

  #order(target: Target, contents: readonly WarmContent[]): JobEffect[] {
    if (contents.length === 0) return [];
    for (const { digest } of contents) target.want(digest);
    return [this.#warm(target, contents)];
  }

  #warm({ host, mayRead }: Target, contents: readonly WarmContent[]): JobEffect {
    const { priority, pinMs } = this.#job.request;
    return { type: "warm-host", job: this.id, host, contents, priority, pinMs, mayRead };
  }

  #lookAfter(target: Target, now: number): JobEffect[] {
    const { absentSince } = target;
    if (absentSince !== undefined) {
      if (now >= absentSince + this.#limits.absentMs) target.giveUp();
      else this.#plan(absentSince + this.#limits.absentMs);
      return [];
    }
    const due = target.takeDue(now).flatMap((digest) => this.#contents.get(digest) ?? []);
    this.#plan(target.nextDue() ?? Infinity);
    return due.length === 0 ? [] : [this.#warm(target, due)];
  }

  /** Whether the job is over, and whether somebody is to be told how far it is. */
  #look(now: number, isDurable: boolean): JobEffect[] {
    const outcome = this.#outcome();
    if (outcome !== undefined) return this.#end(outcome.state, now, outcome.error);
    if (!isDurable && now < this.#toldAt + this.#limits.progressEveryMs) {
      this.#isStale = true;
      return [];
    }
    const state = this.#scopeIsSet ? "running" : "pending";
    return [this.#keep({ state, updatedAt: now }, isDurable, now)];
  }

  #outcome(): { readonly state: JobState; readonly error?: string } | undefined {
    const refusals = this.#images.flatMap((image) => (image.state === "refused" ? [image.reason] : []));
    const error = refusals.length === 0 ? {} : { error: refusals.join("; ") };
    if (refusals.length === this.#images.length) return { state: "failed", ...error };
    if (this.#images.some(({ state }) => state === "asked") || this.#targets.size === 0) return undefined;
    const states = [...this.#targets.values()].map(({ state }) => state);
    if (states.some((state) => state === "running" || state === "waiting")) return undefined;
    const failures = states.filter((state) => state === "failed").length;
    if (failures === states.length) return { state: "failed", error: this.#allFailed() };
    const isWhole = failures === 0 && refusals.length === 0;
    return isWhole ? { state: "succeeded" } : { state: this.#job.request.requireAll ? "failed" : "partial", ...error };
  }

  #hasWholeCopy(): boolean {
    return this.#contents.size > 0 && [...this.#targets.values()].some(({ state }) => state === "complete");
  }

  #end(state: JobState, now: number, error?: string): JobEffect[] {
    const releases = [...this.#targets.values()]
      .filter((target) => target.state === "running" || target.state === "waiting")
      .map(({ host }): JobEffect => ({ type: "release-host", job: this.id, host }));
    const kept = this.#keep({ state, updatedAt: now, finishedAt: now, ...(error === undefined ? {} : { error }) }, true, now);
    return [...releases, kept, { type: "job-over", job: this.id }];
  }

  #keep(change: Partial<Job>, isDurable: boolean, now: number): JobEffect {
    this.#toldAt = now;
    this.#isStale = false;
    const sizeOf = (digest: Digest): number => this.#contents.get(digest)?.size ?? 0;
    const failures = this.#failures();
    const { maxFailureRows, maxContentUrls } = this.#limits;
    this.#job = {
      ...this.#job,
      images: this.#images.flatMap((image) => (image.state === "resolved" ? [image.image] : [])),
      contentUrls: [...this.#contents.values()].slice(0, maxContentUrls).map(urlOf),
      hosts: [...this.#targets.values()].map((target) => target.tell(sizeOf, CLUSTER)),
      failures: failures.slice(0, maxFailureRows),
      failuresLeftOut: Math.max(0, failures.length - maxFailureRows),
      ...change,
    };
    return { type: "keep-job", job: this.#job, isDurable };
  }

  #failures(): HostFailure[] {
    return [...this.#targets.values()].flatMap((target) => {
      if (target.state !== "failed") return [];
      const { host, name: hostName, ip } = target.about;
      return target.missing().map(({ digest, reason }) => {
        const content = this.#contents.get(digest);
        const description = reason ?? "the host left and did not come back";
        return { host, hostName, ip, cluster: CLUSTER, url: content === undefined ? digest : urlOf(content), description };
      });
    });
  }

  #allFailed(): string {
    const [first] = this.#failures();
    const name = this.#job.request.images.map(({ repository, tag }) => `${repository.registry}/${repository.name}:${tag ?? ""}`).join(", ");
    return `${name}: no host could get it; ${first === undefined ? "none is left" : `${first.hostName}: ${first.description}`}`;
  }

  #overdue(live: readonly LiveHost[]): string {
    const open = [...this.#targets.values()].filter(({ state }) => state !== "complete").length;
    const minutes = String(Math.round(this.#job.request.deadlineMs / 60_000));
    if (this.#targets.size === 0) return live.length === 0 ? this.#nobody() : `not begun within ${minutes} minutes`;
    return `not done within ${minutes} minutes: ${String(open)} of ${String(this.#targets.size)} hosts are not complete`;
  }

  #nobody(): string {
    return "no host of the asked scope has a session with this scheduler: check that the daemons run and are members (darner hosts list)";
  }

  #plan(at: number): void {
    this.#due = Math.min(this.#due, at);
  }
}

function urlOf({ kind, digest, repository }: WarmContent): string {
  return `https://${repository.registry}/v2/${repository.name}/${kind === "blob" ? "blobs" : "manifests"}/${digest}`;
}
