import { createHmac, randomBytes } from "node:crypto";
import type { Repository } from "@darner/domain";
import type { Caller } from "@darner/mirror";
import type { PublicFact } from "@darner/protocol";
import { endOfToken } from "@darner/registry-client";
import { LruMap, type Clock } from "@darner/runtime";

/** How long what a registry said counts. */
export type RightsConfig = {
  /** `open`: whoever reaches the mirror has the right to what anybody had a right to. */
  readonly mode: "upstream" | "open";
  readonly grantSeconds: number;
  readonly publicSeconds: number;
  /** While the registry cannot be reached. */
  readonly graceSeconds: number;
};

/** Whose right opened a repository. */
export type Right = "public" | "caller";

type Proof = { readonly at: number; readonly until: number };
type PublicProof = { readonly repository: Repository; readonly at: number; readonly origin: "here" | "cluster" };

// One entry a (repository, credential) pair: containerd takes two tokens a pull, so this is tens of thousands of pulls within the grace.
const MAX_GRANTS = 50_000;
// A table of its own, so that no flood of credentials drives out what everybody needs: more repositories than a cluster runs images of.
const MAX_PUBLIC = 20_000;

/** Who may pull from which repository, as the registry itself said. Credentials are kept only as an HMAC under a key that dies with the process. */
export class Rights {
  readonly #config: RightsConfig;
  readonly #clock: Clock;
  readonly #timeOfDay: () => number;
  readonly #key = randomBytes(32);
  readonly #grants = new LruMap<string, Proof>({ maxEntries: MAX_GRANTS });
  readonly #public = new LruMap<string, PublicProof>({ maxEntries: MAX_PUBLIC });
  /** Told what this host found out about public repositories, so that the cluster hears it. */
  onFound: (fact: PublicFact) => void = () => undefined;

  constructor(config: RightsConfig, clock: Clock, timeOfDay: () => number = Date.now) {
    this.#config = config;
    this.#clock = clock;
    this.#timeOfDay = timeOfDay;
  }

  get mode(): RightsConfig["mode"] {
    return this.#config.mode;
  }

  /** Grants and public repositories that are remembered, those that ran out included. */
  get sizes(): { readonly grants: number; readonly public: number } {
    return { grants: this.#grants.size, public: this.#public.size };
  }

  /** The right that stands now; with `grace`, also one that has run out but would do while the registry is away. */
  of(repository: Repository, caller: Caller, grace = false): Right | undefined {
    const { publicSeconds, grantSeconds, graceSeconds } = this.#config;
    const fact = this.#public.get(nameOf(repository));
    if (fact !== undefined && this.#isYounger(fact.at, grace ? graceSeconds : publicSeconds)) return "public";
    if (caller.authorization === undefined) return undefined;
    const grant = this.#grants.get(this.#grantKey(repository, caller));
    // A token that says it is over is over, whether its registry can be asked or not.
    if (grant === undefined || this.#clock.now() >= grant.until) return undefined;
    return this.#isYounger(grant.at, grace ? graceSeconds : grantSeconds) ? "caller" : undefined;
  }

  /** The registry gave something of this repository to nobody in particular. */
  provePublic(repository: Repository): void {
    const known = this.#public.peek(nameOf(repository));
    this.#public.set(nameOf(repository), { repository, at: this.#clock.now(), origin: "here" });
    // What everybody heard lately is no news.
    if (known !== undefined && this.#isYounger(known.at, this.#config.publicSeconds / 3)) return;
    this.onFound({ repository, ageMs: 0, isPublic: true });
  }

  /** The registry gave something of this repository to this caller. */
  proveCaller(repository: Repository, caller: Caller): void {
    const now = this.#clock.now();
    const end = caller.authorization === undefined ? undefined : endOfToken(caller.authorization);
    const until = end === undefined ? Infinity : now + end - this.#timeOfDay();
    this.#grants.set(this.#grantKey(repository, caller), { at: now, until });
    if (this.#config.mode === "open") this.#public.set(nameOf(repository), { repository, at: now, origin: "cluster" });
  }

  /** The registry said no to nobody in particular: not public (any more). */
  revokePublic(repository: Repository): void {
    if (this.#config.mode === "open") return;
    if (this.#public.delete(nameOf(repository))) this.onFound({ repository, ageMs: 0, isPublic: false });
  }

  /** The registry said no to this caller. */
  revokeCaller(repository: Repository, caller: Caller): void {
    this.#grants.delete(this.#grantKey(repository, caller));
  }

  /** Takes over what another member found out; what is known here and younger stays. */
  learn({ repository, ageMs, isPublic }: PublicFact): void {
    const at = this.#clock.now() - ageMs;
    const known = this.#public.peek(nameOf(repository));
    if (known !== undefined && (isPublic ? known.at >= at : known.at > at)) return;
    if (isPublic) this.#public.set(nameOf(repository), { repository, at, origin: "cluster" });
    else if (this.#config.mode !== "open") this.#public.delete(nameOf(repository));
  }

  /** The public repositories that this host itself asked about and that still count: what a scheduler is told first. */
  *found(): Generator<PublicFact, void, undefined> {
    const now = this.#clock.now();
    for (const [, { repository, at, origin }] of this.#public.entries()) {
      if (origin === "here" && this.#isYounger(at, this.#config.publicSeconds)) yield { repository, ageMs: now - at, isPublic: true };
    }
  }

  /** A caller as a key for tables: tells credentials apart and gives none away. */
  identityOf(caller: Caller): string {
    if (caller.authorization === undefined) return "anonymous";
    return createHmac("sha256", this.#key).update(caller.authorization.reveal()).digest("hex");
  }

  #isYounger(at: number, seconds: number): boolean {
    return this.#clock.now() - at < seconds * 1000;
  }

  #grantKey(repository: Repository, caller: Caller): string {
    return `${nameOf(repository)} ${this.identityOf(caller)}`;
  }
}

function nameOf({ registry, name }: Repository): string {
  return `${registry} ${name}`;
}
