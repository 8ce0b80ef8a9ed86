import type { Digest, HostId } from "@darner/domain";
import type { HostProgress } from "../job.ts";
import type { LiveHost } from "./live-host.ts";

type Part = { readonly size: number } & (
  | { readonly state: "wanted"; readonly bytes: number; readonly tries: number }
  | { readonly state: "held" }
  /** Tried again at `at`. */
  | { readonly state: "resting"; readonly at: number; readonly tries: number; readonly reason: string }
  | { readonly state: "failed"; readonly reason: string }
);

/** One host's part in a job: what it holds of the job's contents, what it is to try again, what it could not get. */
export class Target {
  /** As it said when it last came. */
  about: LiveHost;
  /** Whether it got the job's credential. */
  mayRead = false;
  #absentSince: number | undefined;
  // One entry a content of the job.
  readonly #parts = new Map<Digest, Part>();
  // Counted as parts change: a job over ten thousand hosts is looked at with every report.
  readonly #count: Record<Part["state"], number> = { wanted: 0, held: 0, resting: 0, failed: 0 };
  #bytes = 0;
  #bytesHeld = 0;
  #gone = false;
  #leftOut = false;

  constructor(about: LiveHost) {
    this.about = about;
  }

  get host(): HostId {
    return this.about.host;
  }

  /** Since when the host has no session; undefined while it has one. */
  get absentSince(): number | undefined {
    return this.#absentSince;
  }

  left(now: number): void {
    this.#absentSince = now;
  }

  returned(about: LiveHost): void {
    this.about = about;
    this.#absentSince = undefined;
    this.#gone = false;
  }

  /** The host is given up: it left and did not come back. */
  giveUp(): void {
    this.#gone = true;
  }

  /** Nothing of the job is for this host. */
  leaveOut(): void {
    this.#leftOut = true;
  }

  knows(digest: Digest): boolean {
    return this.#parts.has(digest);
  }

  want(digest: Digest, size: number): void {
    if (this.#parts.has(digest)) return;
    this.#put(digest, { state: "wanted", size, bytes: 0, tries: 0 });
    this.#bytes += size;
  }

  /** What the host is to be told of again because its rest is over: it is wanted then. */
  takeDue(now: number): Digest[] {
    const due: Digest[] = [];
    if (this.#count.resting === 0) return due;
    for (const [digest, part] of this.#parts) {
      if (part.state !== "resting" || part.at > now) continue;
      this.#put(digest, { state: "wanted", size: part.size, bytes: 0, tries: part.tries });
      due.push(digest);
    }
    return due;
  }

  /** Everything the host was asked for and has not answered: a new session has to be told again. */
  open(): Digest[] {
    if (this.#count.wanted === 0) return [];
    return [...this.#parts].flatMap(([digest, { state }]) => (state === "wanted" ? [digest] : []));
  }

  /** wanted | resting | failed → held */
  hold(digest: Digest): boolean {
    const part = this.#parts.get(digest);
    if (part === undefined || part.state === "held") return false;
    this.#put(digest, { state: "held", size: part.size });
    return true;
  }

  progress(digest: Digest, bytes: number): boolean {
    const part = this.#parts.get(digest);
    if (part?.state !== "wanted" || bytes <= part.bytes) return false;
    this.#put(digest, { ...part, bytes });
    return true;
  }

  /** wanted → resting (until `retryAt` says), or → failed where that is undefined. */
  fail(digest: Digest, reason: string, retryAt: (tries: number) => number | undefined): boolean {
    const part = this.#parts.get(digest);
    if (part?.state !== "wanted") return false;
    const { size } = part;
    const tries = part.tries + 1;
    const at = retryAt(tries);
    this.#put(digest, at === undefined ? { state: "failed", size, reason } : { state: "resting", size, at, tries, reason });
    return true;
  }

  /** When something that rests is due. */
  nextDue(): number | undefined {
    if (this.#count.resting === 0) return undefined;
    let next = Infinity;
    for (const part of this.#parts.values()) if (part.state === "resting") next = Math.min(next, part.at);
    return next;
  }

  /** What was not got, each with its reason. */
  missing(): { readonly digest: Digest; readonly reason: string | undefined }[] {
    return [...this.#parts].flatMap(([digest, part]) => {
      if (part.state === "held") return [];
      return [{ digest, reason: part.state === "wanted" ? undefined : part.reason }];
    });
  }

  get state(): HostProgress["state"] {
    const all = this.#parts.size;
    if (all === 0 && this.#leftOut) return "not-applicable";
    if (all === 0) return this.#gone ? "failed" : "waiting";
    if (this.#count.held === all) return "complete";
    if (this.#gone || this.#count.held + this.#count.failed === all) return "failed";
    return this.#absentSince === undefined ? "running" : "waiting";
  }

  tell(cluster: number): HostProgress {
    const { host, name, ip, zone } = this.about;
    const { held } = this.#count;
    const [contents, bytes, bytesHeld] = [this.#parts.size, this.#bytes, this.#bytesHeld];
    return { host, hostName: name, ip, zone, cluster, state: this.state, contents, contentsHeld: held, bytes, bytesHeld };
  }

  #put(digest: Digest, part: Part): void {
    const before = this.#parts.get(digest);
    if (before !== undefined) {
      this.#count[before.state] -= 1;
      this.#bytesHeld -= heldOf(before);
    }
    this.#count[part.state] += 1;
    this.#bytesHeld += heldOf(part);
    this.#parts.set(digest, part);
  }
}

function heldOf(part: Part): number {
  if (part.state === "held") return part.size;
  return part.state === "wanted" ? Math.min(part.bytes, part.size) : 0;
}
