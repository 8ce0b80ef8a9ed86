import { parseDigest, type Digest, type Repository } from "@darner/domain";
import type { Caller } from "@darner/mirror";
import { RegistryError, type Authority, type ContentHead, type RegistryClient } from "@darner/registry-client";
import { SingleFlight, sleep, type Secret, type Timers } from "@darner/runtime";
import type { DaemonMetrics } from "../metrics.ts";
import type { ContentKind, MemberFacts, Membership } from "./membership.ts";
import type { Rights } from "./rights.ts";

/** What a caller asks for. */
export type GateRequest = {
  readonly repository: Repository;
  readonly kind: ContentKind;
  /** A tag, or a digest. */
  readonly reference: string;
  readonly accept?: readonly string[];
  readonly caller: Caller;
  readonly signal?: AbortSignal;
};

/** The caller may have it. */
export type Pass = {
  /** In whose name this host may read it from the source. */
  readonly authority: Authority;
  /** What is known of it: from the registry's answer just now, or from an earlier one. */
  readonly facts: MemberFacts;
  /** The registry's answer, where it was asked just now. */
  readonly head?: ContentHead;
};

/** What a gate works with. */
export type GateDeps = {
  readonly registry: RegistryClient;
  readonly rights: Rights;
  readonly membership: Membership;
  readonly metrics: DaemonMetrics;
  /** Whether Darner has a credential of its own for a repository: it reads with that, but it opens nothing to anybody. */
  readonly hasOwnCredential: (repository: Repository) => boolean;
  readonly timers: Timers;
};

// A pause that the registry asked for and that is over this soon is waited out once: containerd, told 503, would ask the registry at once.
const MAX_PAUSE_MS = 5000;
// Asked at the very instant the pause ends, the pause is not over yet.
const PAUSE_MARGIN_MS = 50;

/** Asks whether a caller may have something, before anything that is cached becomes visible (contracts/registry-mirror.md 4.3). */
export class Gate {
  readonly #deps: GateDeps;
  readonly #probes = new SingleFlight<string, ContentHead>();

  constructor(deps: GateDeps) {
    this.#deps = deps;
  }

  /**
   * Lets a caller through, or rejects with the registry's own `RegistryError`.
   * Content by digest passes without a question where the right stands and the digest is known to belong to the repository.
   */
  async check(request: GateRequest): Promise<Pass> {
    const known = this.#known(request, false);
    if (known !== undefined) {
      this.#deps.metrics.accessChecks.inc({ outcome: "remembered" });
      return known;
    }
    return this.#counted(
      () => this.#known(request, true),
      () => this.#askPatiently(request),
    );
  }

  /** Asks the registry, whatever is remembered: for tags. Rejects with `RegistryError`; a no takes the right that stood. */
  ask(request: GateRequest): Promise<Pass> {
    return this.#counted(
      () => undefined,
      () => this.#ask(request),
    );
  }

  /** In whose name this host reads from the source, for a caller with this right. */
  authorityFor(repository: Repository, caller: Caller, right: "public" | "caller"): Authority {
    if (this.#deps.hasOwnCredential(repository)) return { kind: "own" };
    if (right === "public" || caller.authorization === undefined) return { kind: "anonymous" };
    return { kind: "caller", authorization: caller.authorization };
  }

  #known(request: GateRequest, grace: boolean): Pass | undefined {
    const { repository, kind, caller } = request;
    const digest = digestIn(request.reference);
    const right = this.#deps.rights.of(repository, caller, grace);
    if (digest === undefined || right === undefined) return undefined;
    const facts = this.#deps.membership.get(repository, kind, digest);
    return facts === undefined ? undefined : { authority: this.authorityFor(repository, caller, right), facts };
  }

  /** Asks, and counts what came of it; `whileAway` is the pass for a registry that cannot be asked, if there is one. */
  async #counted(whileAway: () => Pass | undefined, ask: () => Promise<Pass>): Promise<Pass> {
    const { accessChecks } = this.#deps.metrics;
    try {
      const pass = await ask();
      accessChecks.inc({ outcome: "granted" });
      return pass;
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      const away = isAway(error);
      const pass = away ? whileAway() : undefined;
      accessChecks.inc({ outcome: pass !== undefined ? "grace" : away ? "unknown" : "refused" });
      if (pass === undefined) throw error;
      return pass;
    }
  }

  /** Asks again after a short pause that the registry wants, where nothing that is remembered would do meanwhile. */
  async #askPatiently(request: GateRequest): Promise<Pass> {
    try {
      return await this.#ask(request);
    } catch (error) {
      const pauseMs = error instanceof RegistryError && error.detail.code === "rate-limited" ? error.detail.retryAfterMs : Infinity;
      if (pauseMs > MAX_PAUSE_MS || this.#known(request, true) !== undefined) throw error;
      await sleep(pauseMs + PAUSE_MARGIN_MS, request.signal, this.#deps.timers);
      return this.#ask(request);
    }
  }

  /** A caller that shows a credential for a repository known to be public needs none; where it is public no more, the credential decides. */
  async #ask(request: GateRequest): Promise<Pass> {
    const { repository, caller } = request;
    const { authorization } = caller;
    if (authorization === undefined) return this.#askAsNobody(request);
    if (this.#deps.rights.of(repository, caller) === "public") {
      try {
        return await this.#askAsNobody(request);
      } catch (error) {
        if (!isNo(error)) throw error;
      }
    }
    return this.#askAsCaller(request, authorization);
  }

  async #askAsNobody(request: GateRequest): Promise<Pass> {
    const { rights } = this.#deps;
    try {
      const head = await this.#probe(request, { kind: "anonymous" }, "anonymous");
      rights.provePublic(request.repository);
      return this.#passed(request, head, "public");
    } catch (error) {
      if (isNo(error)) rights.revokePublic(request.repository);
      throw error;
    }
  }

  async #askAsCaller(request: GateRequest, authorization: Secret): Promise<Pass> {
    const { repository, caller } = request;
    const { rights } = this.#deps;
    try {
      const head = await this.#probe(request, { kind: "caller", authorization }, rights.identityOf(caller));
      rights.proveCaller(repository, caller);
      return this.#passed(request, head, "caller");
    } catch (error) {
      if (isNo(error)) rights.revokeCaller(repository, caller);
      throw error;
    }
  }

  #passed(request: GateRequest, head: ContentHead, right: "public" | "caller"): Pass {
    const { repository, kind, caller } = request;
    const digest = digestIn(request.reference) ?? head.digest;
    const facts = {
      ...(head.size === undefined ? {} : { size: head.size }),
      ...(head.mediaType === undefined ? {} : { mediaType: head.mediaType }),
    };
    if (digest !== undefined) this.#deps.membership.add(repository, kind, digest, facts);
    return { authority: this.authorityFor(repository, caller, right), facts, head };
  }

  #probe(request: GateRequest, authority: Authority, identity: string): Promise<ContentHead> {
    const { repository, kind, reference, accept, signal } = request;
    const key = [repository.registry, repository.name, kind, reference, identity, ...(accept ?? [])].join(" ");
    const ask = { repository, kind, reference, authority, ...(accept === undefined ? {} : { accept }) };
    return this.#probes.run(key, (shared) => this.#deps.registry.head({ ...ask, signal: shared }), signal);
  }
}

/** Whether the registry refused the right itself: what stood before stands no more. */
function isNo(error: unknown): boolean {
  return error instanceof RegistryError && (error.detail.code === "unauthorized" || error.detail.code === "denied");
}

/** Whether nobody knows: the registry could not be asked, or does not want to be asked now. */
export function isAway(error: unknown): boolean {
  return error instanceof RegistryError && (error.detail.code === "unavailable" || error.detail.code === "rate-limited");
}

function digestIn(reference: string): Digest | undefined {
  const parsed = parseDigest(reference);
  return parsed.ok ? parsed.digest : undefined;
}
