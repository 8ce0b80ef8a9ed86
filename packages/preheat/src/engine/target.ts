import type { Digest, HostId } from "@darner/domain";
import type { HostProgress } from "../job.ts";
import type { LiveHost } from "./live-host.ts";

type Part =
  | { readonly state: "wanted"; readonly bytes: number; readonly tries: number }
  | { readonly state: "held" }
  /** Tried again at `at`. */
  | { readonly state: "resting"; readonly at: number; readonly tries: number; readonly reason: string }
  | { readonly state: "failed"; readonly reason: string };

/** One host's part in a job: what it holds of the job's contents, what it is to try again, what it could not get. */
export class Target {
  readonly about: LiveHost;
  /** Since when the host has no session; undefined while it has one. */
  absentSince: number | undefined;
  /** Whether it got the job's credential. */
  mayRead = false;
  // One entry a content of the job.
  readonly #parts = new Map<Digest, Part>();
  #held = 0;
  #failed = 0;
  #gone = false;

  constructor(about: LiveHost) {
    this.about = about;
  }

  get host(): HostId {
    return this.about.host;
  }

  /** The host is given up: it left and did not come back. */
  giveUp(): void {
    this.#gone = true;
  }

  want(digest: Digest): void {
    if (!this.#parts.has(digest)) this.#parts.set(digest, { state: "wanted", bytes: 0, tries: 0 });
  }

  /** What the host is to be told of (again): wanted, or due after a rest. Whatever was resting is wanted then. */
  takeDue(now: number): Digest[] {
    const due: Digest[] = [];
    for (const [digest, part] of this.#parts) {
      if (part.state !== "resting" || part.at > now) continue;
      this.#parts.set(digest, { state: "wanted", bytes: 0, tries: part.tries });
      due.push(digest);
    }
    return due;
  }

  /** Everything the host was asked for and has not answered: a new session has to be told again. */
  open(): Digest[] {
    return [...this.#parts].flatMap(([digest, { state }]) => (state === "wanted" ? [digest] : []));
  }

  /** wanted | resting | failed → held */
  hold(digest: Digest): boolean {
    const part = this.#parts.get(digest);
    if (part === undefined || part.state === "held") return false;
    if (part.state === "failed") this.#failed -= 1;
    this.#held += 1;
    this.#parts.set(digest, { state: "held" });
    return true;
  }

  progress(digest: Digest, bytes: number): boolean {
    const part = this.#parts.get(digest);
    if (part?.state !== "wanted" || bytes <= part.bytes) return false;
    this.#parts.set(digest, { ...part, bytes });
    return true;
  }

  /** wanted → resting (until `retryAt`), or → failed where that is undefined. Gives the number of tries. */
  fail(digest: Digest, reason: string, retryAt: (tries: number) => number | undefined): boolean {
    const part = this.#parts.get(digest);
    if (part?.state !== "wanted") return false;
    const tries = part.tries + 1;
    const at = retryAt(tries);
    if (at === undefined) this.#failed += 1;
    this.#parts.set(digest, at === undefined ? { state: "failed", reason } : { state: "resting", at, tries, reason });
    return true;
  }

  /** When something that rests is due. */
  nextDue(): number | undefined {
    const times = [...this.#parts.values()].flatMap((part) => (part.state === "resting" ? [part.at] : []));
    return times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b));
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
    if (all === 0) return "waiting";
    if (this.#held === all) return "complete";
    if (this.#gone || this.#held + this.#failed === all) return "failed";
    return this.absentSince === undefined ? "running" : "waiting";
  }

  tell(sizeOf: (digest: Digest) => number, cluster: number): HostProgress {
    const { host, name, ip, zone } = this.about;
    let [contentsHeld, bytes, bytesHeld] = [0, 0, 0];
    for (const [digest, part] of this.#parts) {
      const size = sizeOf(digest);
      bytes += size;
      if (part.state === "held") contentsHeld += 1;
      bytesHeld += part.state === "held" ? size : part.state === "wanted" ? Math.min(part.bytes, size) : 0;
    }
    return { host, hostName: name, ip, zone, cluster, state: this.state, contents: this.#parts.size, contentsHeld, bytes, bytesHeld };
  }
}
