import { createHmac, randomBytes } from "node:crypto";
import type { Repository } from "@darner/domain";
import type { Caller } from "@darner/mirror";
import { LruMap, type Clock } from "@darner/runtime";

/** How long what a registry said counts. */
export type RightsConfig = {
  readonly grantSeconds: number;
  readonly publicSeconds: number;
  /** While the registry cannot be reached. */
  readonly graceSeconds: number;
};

/** Whose right opened a repository. */
export type Right = "public" | "caller";

// One entry a (repository, credential) pair: containerd takes two tokens a pull, so this is tens of thousands of pulls within the grace.
const MAX_RIGHTS = 50_000;

/** Who may pull from which repository, as the registry itself said. Credentials are kept only as an HMAC under a key that dies with the process. */
export class Rights {
  readonly #config: RightsConfig;
  readonly #clock: Clock;
  readonly #key = randomBytes(32);
  readonly #provenAt: LruMap<string, number>;

  constructor(config: RightsConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
    this.#provenAt = new LruMap({ maxEntries: MAX_RIGHTS });
  }

  /** The right that stands now; with `grace`, also one that has run out but would do while the registry is away. */
  of(repository: Repository, caller: Caller, grace = false): Right | undefined {
    const { publicSeconds, grantSeconds, graceSeconds } = this.#config;
    if (this.#isYounger(publicKey(repository), grace ? graceSeconds : publicSeconds)) return "public";
    if (caller.authorization === undefined) return undefined;
    return this.#isYounger(this.#callerKey(repository, caller), grace ? graceSeconds : grantSeconds) ? "caller" : undefined;
  }

  /** The registry gave something of this repository to nobody in particular. */
  provePublic(repository: Repository): void {
    this.#provenAt.set(publicKey(repository), this.#clock.now());
  }

  /** The registry gave something of this repository to this caller. */
  proveCaller(repository: Repository, caller: Caller): void {
    this.#provenAt.set(this.#callerKey(repository, caller), this.#clock.now());
  }

  /** The registry said no to nobody in particular: not public (any more). */
  revokePublic(repository: Repository): void {
    this.#provenAt.delete(publicKey(repository));
  }

  /** The registry said no to this caller. */
  revokeCaller(repository: Repository, caller: Caller): void {
    this.#provenAt.delete(this.#callerKey(repository, caller));
  }

  /** A caller as a key for tables: tells credentials apart and gives none away. */
  identityOf(caller: Caller): string {
    if (caller.authorization === undefined) return "anonymous";
    return createHmac("sha256", this.#key).update(caller.authorization.reveal()).digest("hex");
  }

  #isYounger(key: string, seconds: number): boolean {
    const at = this.#provenAt.get(key);
    return at !== undefined && this.#clock.now() - at < seconds * 1000;
  }

  #callerKey({ registry, name }: Repository, caller: Caller): string {
    return `${registry} ${name} ${this.identityOf(caller)}`;
  }
}

function publicKey({ registry, name }: Repository): string {
  return `${registry} ${name} public`;
}
