import type { Repository } from "@darner/domain";
import { RegistryError } from "@darner/registry-client";
import { LruMap, type Clock } from "@darner/runtime";

// A client that comes back at once with the very same question gets the very same answer; contract 4.3 wants no more than 2 to 5 s of it.
const REFUSED_MS = 3000;
// What is pushed a second after it was missed is to be found (contract, case 85).
const MISSING_MS = 900;
// One entry a refused question; with bodies of at most 4 KiB this is 16 MiB when somebody floods the mirror with wrong questions.
const MAX_NOES = 4096;
const MAX_BODY_BYTES = 4096;

/** The registry's last refusals, each for the identical question only, for seconds: who hammers at a closed door is not felt by the registry. */
export class RecentNoes {
  readonly #noes: LruMap<string, RegistryError>;
  /** By repository: what the registry last asked of a caller without a credential. */
  readonly #challenges: LruMap<string, RegistryError>;

  /** A challenge is remembered for `challengeMs`: as long as rights count while a registry is away. */
  constructor(clock: Clock, challengeMs: number) {
    this.#noes = new LruMap({ maxEntries: MAX_NOES, clock });
    this.#challenges = new LruMap({ maxEntries: MAX_NOES, ttlMs: challengeMs, clock });
  }

  get(question: string): RegistryError | undefined {
    return this.#noes.get(question);
  }

  /** Keeps a refusal; failures to ask are none. */
  note(question: string, error: unknown): void {
    if (!(error instanceof RegistryError)) return;
    const { detail } = error;
    if (isNo(error)) this.#keep(question, error, REFUSED_MS);
    else if (detail.code === "not-found") this.#keep(question, error, MISSING_MS);
  }

  /** What the registry answers to a caller without a credential, where it cannot be asked: without it no client shows the credential that would do. */
  challengeOf(repository: Repository): RegistryError | undefined {
    return this.#challenges.get(nameOf(repository));
  }

  /** The answer to a caller without a credential: a challenge is remembered, anything that was given ends it. */
  noteAnonymous(repository: Repository, error?: unknown): void {
    if (error === undefined) this.#challenges.delete(nameOf(repository));
    if (!(error instanceof RegistryError) || error.detail.code !== "unauthorized") return;
    if (error.detail.body.length <= MAX_BODY_BYTES) this.#challenges.set(nameOf(repository), error);
  }

  #keep(question: string, error: RegistryError, ms: number): void {
    const { detail } = error;
    if ("body" in detail && detail.body.length <= MAX_BODY_BYTES) this.#noes.set(question, error, ms);
  }
}

function nameOf({ registry, name }: Repository): string {
  return `${registry} ${name}`;
}

/** Whether the registry refused the right itself: what stood before stands no more. */
export function isNo(error: unknown): boolean {
  return error instanceof RegistryError && (error.detail.code === "unauthorized" || error.detail.code === "denied");
}

/** Whether nobody knows: the registry could not be asked, or does not want to be asked now. */
export function isAway(error: unknown): boolean {
  return error instanceof RegistryError && (error.detail.code === "unavailable" || error.detail.code === "rate-limited");
}
