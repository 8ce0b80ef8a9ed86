import { fittingPlatform, type Digest, type HostId } from "@darner/domain";
import type { ImageContents } from "../image/resolve-image.ts";
import type { HostProgress, Job, JobState, ResolvedImage } from "../job.ts";
import type { JobEffect, WarmContent } from "./effect.ts";
import { CLUSTER, CREDENTIAL_LOST, failuresOf, NOBODY, nobodyGotIt, notAllGotIt, overdue, urlOf } from "./job-words.ts";
import type { EngineLimits } from "./limits.ts";
import type { LiveHost } from "./live-host.ts";
import { hostsOf, takesNewcomers } from "./scope.ts";
import { Target } from "./target.ts";
import { TargetBook } from "./target-book.ts";

type ImageState =
  /** So many answers are awaited: it is asked again for each new platform. `before`: what is known already. */
  | { readonly state: "asked"; readonly awaited: number; readonly before?: ResolvedImage }
  | { readonly state: "resolved"; readonly image: ResolvedImage }
  | { readonly state: "refused"; readonly reason: string };

/** Who is there; asked only where it matters. */
export type Around = {
  readonly hosts: () => readonly LiveHost[];
  /** Until then hosts that were there before the scheduler began may still come. */
  readonly settledAt: number;
};

// Of the hosts of a job so many get its credential: one reads, and one stands by for when that one is lost.
const READERS = 2;

/** A job that is not over. */
export class JobRun {
  #job: Job;
  readonly #limits: EngineLimits;
  readonly #hasCredential: boolean;
  readonly #targets = new TargetBook();
  readonly #contents = new Map<Digest, WarmContent>();
  // What each image consists of, by its place among the images.
  readonly #parts = new Map<number, ReadonlySet<Digest>>();
  readonly #images: ImageState[];
  // Whose contents were asked for; a host of another one makes the images be looked at again.
  readonly #platforms = new Set<string>();
  #scopeIsSet = false;
  // When this process took the job up.
  #openedAt = 0;
  #due = Infinity;
  #toldAt = -Infinity;
  #isStale = false;

  constructor(job: Job, hasCredential: boolean, limits: EngineLimits) {
    this.#job = job;
    this.#limits = limits;
    this.#hasCredential = hasCredential;
    this.#images = job.request.images.map(() => ({ state: "asked", awaited: 0 }));
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

  /** What hosts are to hold for it, as far as is known. */
  digests(): Iterable<Digest> {
    return this.#contents.keys();
  }

  /** The job begins: as soon as a host is there its images are resolved. One that goes on after a restart has the hosts it had. */
  open(around: Around, now: number): JobEffect[] {
    this.#openedAt = now;
    if (this.#job.hosts.length === 0) return [...this.#begin(around, now), ...this.#look(now, true)];
    this.#scopeIsSet = true;
    const live = around.hosts();
    const there = new Map(live.map((host) => [host.host, host]));
    const returned = this.#job.hosts.flatMap((known) => this.#restore(known, there.get(known.host), now));
    const { scope } = this.#job.request;
    const fresh = takesNewcomers(scope) ? hostsOf(scope, live).filter(({ host }) => this.#targets.get(host) === undefined) : [];
    return [...this.#appointReaders(), ...this.#askFor([...returned, ...fresh]), ...this.#add(fresh), ...this.#look(now, true)];
  }

  resolved(at: number, { repository, image, contents }: ImageContents, now: number): JobEffect[] {
    const asked = this.#images[at];
    if (asked?.state !== "asked") return [];
    const fuller = asked.before !== undefined && asked.before.contents > image.contents ? asked.before : image;
    this.#images[at] = asked.awaited > 1 ? { ...asked, awaited: asked.awaited - 1, before: fuller } : { state: "resolved", image: fuller };
    const { scheme = "https" } = this.#job.request.images[at] ?? {};
    for (const content of contents) {
      const known = this.#contents.get(content.digest);
      const warm = { ...content, repository, scheme };
      this.#contents.set(content.digest, known === undefined ? warm : withPlatformsOf(known, content.platforms));
    }
    this.#parts.set(at, new Set([...(this.#parts.get(at) ?? []), ...contents.map(({ digest }) => digest)]));
    const effects = [...this.#targets.all()].flatMap((target) => this.#order(target, [at]));
    return [...effects, ...this.#look(now, true)];
  }

  refused(at: number, reason: string, now: number): JobEffect[] {
    const asked = this.#images[at];
    if (asked?.state !== "asked") return [];
    const { awaited, before } = asked;
    if (awaited > 1) this.#images[at] = { ...asked, awaited: awaited - 1 };
    else this.#images[at] = before === undefined ? { state: "refused", reason } : { state: "resolved", image: before };
    return this.#look(now, true);
  }

  joined(host: LiveHost, around: Around, now: number): JobEffect[] {
    const known = this.#targets.get(host.host);
    if (known !== undefined) {
      this.#targets.change(known, (target) => {
        target.returned(host);
      });
      return [...this.#askFor([host]), ...this.#tellOpen(known), ...this.#appointReaders()];
    }
    const { scope } = this.#job.request;
    if (hostsOf(scope, [host]).length === 0) return [];
    if (!this.#scopeIsSet) return [...this.#begin(around, now), ...this.#look(now, false)];
    if (!takesNewcomers(scope)) return [];
    return [...this.#add([host]), ...this.#look(now, false)];
  }

  left(host: HostId, now: number): JobEffect[] {
    const target = this.#targets.get(host);
    if (target === undefined || ["complete", "failed", "not-applicable"].includes(target.state)) return [];
    this.#targets.change(target, () => {
      target.left(now);
    });
    this.#plan(now + this.#limits.absentMs);
    return this.#appointReaders();
  }

  held(host: HostId, digest: Digest, now: number): JobEffect[] {
    const target = this.#targets.get(host);
    if (target === undefined || !this.#targets.change(target, () => target.hold(digest))) return [];
    return this.#look(now, false);
  }

  progress(host: HostId, digest: Digest, bytes: number, now: number): JobEffect[] {
    return this.#targets.get(host)?.progress(digest, bytes) === true ? this.#look(now, false) : [];
  }

  failed(host: HostId, digest: Digest, reason: string, isFinal: boolean, now: number): JobEffect[] {
    const { maxTries, retryMs, maxRetryMs } = this.#limits;
    const retryAt = (tries: number): number | undefined =>
      isFinal || tries >= maxTries ? undefined : now + Math.min(maxRetryMs, retryMs * 2 ** (tries - 1));
    const target = this.#targets.get(host);
    if (target === undefined || !this.#targets.change(target, () => target.fail(digest, reason, retryAt))) return [];
    this.#plan(target.nextDue() ?? Infinity);
    return [...this.#appointReaders(), ...this.#look(now, false)];
  }

  cancel(now: number): JobEffect[] {
    return this.#end("cancelled", now);
  }

  passed(around: Around, now: number): JobEffect[] {
    if (now >= this.#deadline) {
      const isEnough = this.#hasWholeCopy() && !this.#job.request.requireAll;
      return this.#end(
        isEnough ? "partial" : "failed",
        now,
        overdue(this.#job, this.#targets, hostsOf(this.#job.request.scope, around.hosts()).length > 0),
      );
    }
    const effects: JobEffect[] = [];
    if (now >= this.#due) {
      this.#due = Infinity;
      if (!this.#scopeIsSet && now >= this.#openedAt + this.#limits.absentMs) return this.#end("failed", now, NOBODY);
      if (!this.#scopeIsSet) effects.push(...this.#begin(around, now));
      for (const target of this.#targets.all()) effects.push(...this.#lookAfter(target, now));
    }
    return [...effects, ...this.#look(now, false)];
  }

  get #deadline(): number {
    return this.#job.createdAt + this.#job.request.deadlineMs;
  }

  #begin({ hosts, settledAt }: Around, now: number): JobEffect[] {
    const { scope } = this.#job.request;
    const live = hosts();
    const chosen = hostsOf(scope, live);
    const isComplete = takesNewcomers(scope) || (scope.kind === "single-seed" && live.some(({ seed }) => seed));
    if (chosen.length > 0 && (isComplete || now >= settledAt)) {
      this.#scopeIsSet = true;
      return this.#add(chosen);
    }
    this.#plan(chosen.length > 0 ? settledAt : this.#openedAt + this.#limits.absentMs);
    return [];
  }

  #add(hosts: readonly LiveHost[]): JobEffect[] {
    const added = hosts.map((about) => new Target(about));
    for (const target of added) this.#targets.add(target);
    // Readers first: an order then goes out once, with the credential.
    const orders = added.flatMap((target) => this.#order(target, [...this.#parts.keys()]));
    return [...this.#appointReaders(), ...orders, ...this.#askFor(hosts)];
  }

  /** After a restart: what the host holds it says when it is asked. */
  #restore({ host, hostName: name, ip, zone }: HostProgress, live: LiveHost | undefined, now: number): LiveHost[] {
    const target = new Target(live ?? { host, name, ip, zone, labels: {}, seed: false, platform: "" });
    if (live === undefined) {
      target.left(now);
      this.#plan(now + this.#limits.absentMs);
    }
    this.#targets.add(target);
    return live === undefined ? [] : [live];
  }

  /** Resolves the images for the platforms of these hosts, where that was not done; by the digest they had where they had one. */
  #askFor(hosts: readonly LiveHost[]): JobEffect[] {
    const { platforms: wished, images } = this.#job.request;
    const before = this.#platforms.size;
    for (const platform of wished ?? hosts.map(({ platform }) => platform)) this.#platforms.add(platform);
    if (this.#platforms.size === before) return [];
    const platforms = [...this.#platforms].sort();
    return images.flatMap((reference, at): JobEffect[] => {
      const state = this.#images[at];
      if (state?.state === "refused") return [];
      const before = state?.state === "resolved" ? state.image : state?.before;
      const digest = before?.digest ?? this.#digestBefore(at);
      const awaited = state?.state === "asked" ? state.awaited + 1 : 1;
      this.#images[at] = { state: "asked", awaited, ...(before === undefined ? {} : { before }) };
      return [
        { type: "resolve-image", job: this.id, at, reference: digest === undefined ? reference : { ...reference, digest }, platforms },
      ];
    });
  }

  /** What an image was resolved to before a restart; where one of several was refused the rest is resolved anew. */
  #digestBefore(at: number): Digest | undefined {
    return this.#job.images.length === this.#images.length ? this.#job.images[at]?.digest : undefined;
  }

  /** The credential goes to as few hosts as will do, seeds first; who got it is asked again, now with it. */
  #appointReaders(): JobEffect[] {
    const missing = this.#hasCredential ? READERS - this.#targets.readers : 0;
    if (missing <= 0) return [];
    const next = [...this.#targets.all()]
      .filter(({ mayRead, absentSince, state }) => !mayRead && absentSince === undefined && state !== "failed")
      .sort((a, b) => Number(b.about.seed) - Number(a.about.seed));
    return next.slice(0, missing).flatMap((target) => {
      this.#targets.change(target, () => {
        target.mayRead = true;
      });
      return this.#tellOpen(target);
    });
  }

  /** What a host needs of these images and was not told of yet. */
  #order(target: Target, images: readonly number[]): JobEffect[] {
    const needed = images.flatMap((at) => this.#neededOf(at, target)).filter(({ digest }) => !target.knows(digest));
    this.#targets.change(target, () => {
      if (images.length > 0) target.leaveOut();
      for (const { digest, size } of needed) target.want(digest, size);
    });
    return needed.length > 0 && target.absentSince === undefined ? [this.#warm(target, needed)] : [];
  }

  /** Nothing where the image has only its index for this host. */
  #neededOf(at: number, target: Target): WarmContent[] {
    const all = [...(this.#parts.get(at) ?? [])].flatMap((digest) => this.#contents.get(digest) ?? []);
    const needed = all.filter((content) => this.#needs(target, content));
    return needed.every(isIndex) && !all.every(isIndex) ? [] : needed;
  }

  /** Seeds, and whoever stands for one, hold what others may need; every other host what it can run, unless the job says for which platforms. */
  #needs({ about: { seed, platform } }: Target, { platforms }: WarmContent): boolean {
    const { scope, platforms: wished } = this.#job.request;
    if (platforms === undefined || seed || wished !== undefined || scope.kind === "single-seed" || scope.kind === "all-seeds") return true;
    return platform === "" || platforms.some((made) => fittingPlatform(platform, [{ platform: made }]) !== undefined);
  }

  #tellOpen(target: Target): JobEffect[] {
    const open = target.open().flatMap((digest) => this.#contents.get(digest) ?? []);
    return open.length === 0 ? [] : [this.#warm(target, open)];
  }

  #warm({ host, mayRead }: Target, contents: readonly WarmContent[]): JobEffect {
    const { priority, pinMs } = this.#job.request;
    return { type: "warm-host", job: this.id, host, contents, priority, pinMs, mayRead };
  }

  #lookAfter(target: Target, now: number): JobEffect[] {
    const { absentSince } = target;
    if (absentSince !== undefined && target.state !== "failed") {
      if (now < absentSince + this.#limits.absentMs) this.#plan(absentSince + this.#limits.absentMs);
      else
        this.#targets.change(target, () => {
          target.giveUp();
        });
      return [];
    }
    const due = this.#targets.change(target, () => target.takeDue(now)).flatMap((digest) => this.#contents.get(digest) ?? []);
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
    if (this.#targets.count("running") + this.#targets.count("waiting") > 0) return undefined;
    const failures = failuresOf(this.#targets, this.#contents);
    if (this.#targets.count("complete") === 0) return { state: "failed", error: nobodyGotIt(this.#job, failures) };
    if (this.#targets.count("failed") === 0 && refusals.length === 0) return { state: "succeeded" };
    if (!this.#job.request.requireAll) return { state: "partial", ...error };
    return { state: "failed", error: [...refusals, ...notAllGotIt(this.#job, failures)].join("; ") };
  }

  #hasWholeCopy(): boolean {
    return this.#contents.size > 0 && this.#targets.count("complete") > 0;
  }

  #end(state: JobState, now: number, error?: string): JobEffect[] {
    const releases = [...this.#targets.all()]
      .filter((target) => target.state === "running" || target.state === "waiting")
      .map(({ host }): JobEffect => ({ type: "release-host", job: this.id, host }));
    const hasLost = this.#job.cameWithCredential === true && !this.#hasCredential && state === "failed";
    const told = hasLost && error !== undefined ? `${error}; ${CREDENTIAL_LOST}` : error;
    const kept = this.#keep({ state, updatedAt: now, finishedAt: now, ...(told === undefined ? {} : { error: told }) }, true, now);
    return [...releases, kept, { type: "job-over", job: this.id }];
  }

  #keep(change: Partial<Job>, isDurable: boolean, now: number): JobEffect {
    this.#toldAt = now;
    this.#isStale = false;
    const failures = failuresOf(this.#targets, this.#contents);
    const { maxFailureRows, maxContentUrls } = this.#limits;
    const images = this.#images.flatMap((image) => (image.state === "resolved" ? [image.image] : []));
    this.#job = {
      ...this.#job,
      // While images are looked at again, or for the first time after a restart, what was known of them stays.
      images: images.length < this.#job.images.length && this.#images.some(({ state }) => state === "asked") ? this.#job.images : images,
      contentUrls: [...this.#contents.values()].slice(0, maxContentUrls).map(urlOf),
      hosts: [...this.#targets.all()].map((target) => target.tell(CLUSTER)),
      failures: failures.slice(0, maxFailureRows),
      failuresLeftOut: Math.max(0, failures.length - maxFailureRows),
      ...change,
    };
    return { type: "keep-job", job: this.#job, isDurable };
  }

  #plan(at: number): void {
    const { dueStepMs } = this.#limits;
    this.#due = Math.min(this.#due, Math.ceil(at / dueStepMs) * dueStepMs);
  }
}

/** A content of two images is for whoever needs it in either. */
function withPlatformsOf(content: WarmContent, platforms: readonly string[] | undefined): WarmContent {
  const { platforms: before, ...rest } = content;
  return before === undefined || platforms === undefined ? rest : { ...rest, platforms: [...new Set([...before, ...platforms])] };
}

const INDEX = /\.image\.index|\.manifest\.list/;

function isIndex({ kind, mediaType }: WarmContent): boolean {
  return kind === "manifest" && INDEX.test(mediaType);
}
