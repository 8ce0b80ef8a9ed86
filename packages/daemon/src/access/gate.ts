import { parseDigest, type Digest, type Repository } from "@darner/domain";
import type { Caller } from "@darner/mirror";
import { RegistryError, type Authority, type ContentHead, type RegistryClient } from "@darner/registry-client";
import { SingleFlight } from "@darner/runtime";
import type { DaemonMetrics } from "../metrics.ts";
import type { ContentFacts, ContentKind, Contents } from "./contents.ts";
import { isAway, isNo, type RecentNoes } from "./recent-noes.ts";
import type { Right, Rights } from "./rights.ts";

/** What a caller asks for. */
export type GateRequest = {
  readonly repository: Repository;
  readonly kind: ContentKind;
  /** A tag, or a digest. */
  readonly reference: string;
  readonly accept?: readonly string[];
  readonly caller: Caller;
  /** Whether there is something to give where the registry wants a pause, so that no pause is waited out; default: no. */
  readonly hasStale?: boolean;
  readonly signal?: AbortSignal;
};

/** The caller may have it. */
export type Pass = {
  /** In whose name this host may read it from the source. */
  readonly authority: Authority;
  /** What is known of it: from the registry's answer just now, or from an earlier one. */
  readonly facts: ContentFacts;
  /** The registry's answer, where it was asked just now. */
  readonly head?: ContentHead;
};

/** What a gate works with. */
export type GateDeps = {
  readonly registry: RegistryClient;
  readonly rights: Rights;
  readonly contents: Contents;
  readonly noes: RecentNoes;
  readonly metrics: DaemonMetrics;
  /** Whether Darner has a credential of its own for a repository: it reads with that, but it opens nothing to anybody. */
  readonly hasOwnCredential: (repository: Repository) => boolean;
  /** What this host holds complete; with `access.mode: open` it is everybody's. */
  readonly held: (digest: Digest) => ContentFacts | undefined;
};

// A pause that the registry asked for and that is over this soon is waited out once: containerd, told 503, would ask the registry at once.
const PATIENCE_MS = 5000;

/** Asks whether a caller may have something, before anything that is cached becomes visible (contracts/registry-mirror.md 4.3). */
export class Gate {
  readonly #deps: GateDeps;
  readonly #probes = new SingleFlight<string, ContentHead>();
  // The question under way for a (repository, caller), one entry at most for each request that runs.
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(deps: GateDeps) {
    this.#deps = deps;
  }

  /**
   * Lets a caller through, or rejects with the registry's own `RegistryError`.
   * Content by digest passes without a question where the right stands and the repository is known to contain the digest.
   */
  async check(request: GateRequest): Promise<Pass> {
    const underWay = this.#underWay.get(this.#askerOf(request));
    let known = this.#known(request, false);
    if (known === undefined && underWay !== undefined && this.#factsOf(request) !== undefined) {
      // Nothing but the right is missing, and that is being asked about: one question for all layers.
      await underWay.catch(() => undefined);
      request.signal?.throwIfAborted();
      known = this.#known(request, false);
    }
    if (known !== undefined) {
      this.#deps.metrics.accessChecks.inc({ outcome: "remembered" });
      return known;
    }
    const whileAway = (): Pass | undefined => this.#known(request, true);
    return this.#counted(whileAway, { ...request, hasStale: whileAway() !== undefined });
  }

  /** Asks the registry, whatever is remembered: for tags. Rejects with `RegistryError`; a no takes the right that stood. */
  ask(request: GateRequest): Promise<Pass> {
    return this.#counted(() => undefined, request);
  }

  /** In whose name this host reads from the source, for a caller with this right. */
  authorityFor(repository: Repository, caller: Caller, right: Right): Authority {
    if (this.#deps.hasOwnCredential(repository)) return { kind: "own" };
    const isNobodys = right === "public" && this.#deps.rights.mode === "upstream";
    if (isNobodys || caller.authorization === undefined) return { kind: "anonymous" };
    return { kind: "caller", authorization: caller.authorization };
  }

  #known(request: GateRequest, grace: boolean): Pass | undefined {
    const { repository, caller } = request;
    const { rights, held } = this.#deps;
    const digest = digestIn(request.reference);
    if (digest === undefined) return undefined;
    const open = rights.mode === "open" ? held(digest) : undefined;
    const right = open === undefined ? rights.of(repository, caller, grace) : "public";
    const facts = open ?? this.#factsOf(request);
    if (right === undefined || facts === undefined) return undefined;
    return { authority: this.authorityFor(repository, caller, right), facts };
  }

  #factsOf({ repository, kind, reference }: GateRequest): ContentFacts | undefined {
    const digest = digestIn(reference);
    return digest === undefined ? undefined : this.#deps.contents.get(repository, kind, digest);
  }

  /** Asks, and counts what came of it; `whileAway` is the pass for a registry that cannot be asked, if there is one. */
  async #counted(whileAway: () => Pass | undefined, request: GateRequest): Promise<Pass> {
    const { accessChecks } = this.#deps.metrics;
    try {
      const pass = await this.#asUnderWay(request);
      accessChecks.inc({ outcome: "granted" });
      return pass;
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      const away = isAway(error);
      const pass = away ? whileAway() : undefined;
      accessChecks.inc({ outcome: pass !== undefined ? "grace" : away ? "unknown" : "refused" });
      if (pass !== undefined) return pass;
      const isUnshown = away && request.caller.authorization === undefined;
      throw (isUnshown ? this.#deps.noes.challengeOf(request.repository) : undefined) ?? error;
    }
  }

  #asUnderWay(request: GateRequest): Promise<Pass> {
    const asker = this.#askerOf(request);
    const asked = this.#ask(request);
    if (this.#underWay.has(asker)) return asked;
    const over = (): void => {
      this.#underWay.delete(asker);
    };
    this.#underWay.set(asker, asked);
    asked.then(over, over);
    return asked;
  }

  /** A caller that shows a credential for a repository known to be public needs none; where it is public no more, the credential decides. */
  async #ask(request: GateRequest): Promise<Pass> {
    const { repository, caller } = request;
    const { authorization } = caller;
    const { rights } = this.#deps;
    if (authorization === undefined) return this.#askAs(request, "public", { kind: "anonymous" });
    if (rights.mode === "upstream" && rights.of(repository, caller) === "public") {
      try {
        return await this.#askAs(request, "public", { kind: "anonymous" });
      } catch (error) {
        if (!isNo(error)) throw error;
      }
    }
    return this.#askAs(request, "caller", { kind: "caller", authorization });
  }

  async #askAs(request: GateRequest, right: Right, asker: Authority): Promise<Pass> {
    const { repository, kind, caller } = request;
    const head = await this.#probe(request, right, asker);
    const digest = digestIn(request.reference) ?? head.digest;
    const facts = {
      ...(head.size === undefined ? {} : { size: head.size }),
      ...(head.mediaType === undefined ? {} : { mediaType: head.mediaType }),
    };
    if (digest !== undefined) this.#deps.contents.add(repository, kind, digest, facts);
    return { authority: this.authorityFor(repository, caller, right), facts, head };
  }

  /** One question for all who ask the same in the same name; its answer gives the right, or takes it. */
  #probe(request: GateRequest, right: Right, authority: Authority): Promise<ContentHead> {
    const { repository, kind, reference, accept, caller, hasStale, signal } = request;
    const { rights, registry, noes } = this.#deps;
    const asker = right === "public" ? "anonymous" : rights.identityOf(caller);
    const question = [repository.registry, repository.name, kind, reference, asker, ...(accept ?? [])].join(" ");
    const no = noes.get(question);
    if (no !== undefined) return Promise.reject(no);
    const ask = { repository, kind, reference, authority, patienceMs: hasStale === true ? 0 : PATIENCE_MS };
    return this.#probes.run(
      question,
      async (shared) => {
        try {
          const head = await registry.head({ ...ask, ...(accept === undefined ? {} : { accept }), signal: shared });
          if (right === "public") {
            noes.noteAnonymous(repository);
            rights.provePublic(repository);
          } else rights.proveCaller(repository, caller);
          return head;
        } catch (error) {
          noes.note(question, error);
          if (right === "public") noes.noteAnonymous(repository, error);
          if (isNo(error)) {
            if (right === "public") rights.revokePublic(repository);
            else rights.revokeCaller(repository, caller);
          }
          throw error;
        }
      },
      signal,
    );
  }

  #askerOf({ repository, caller }: GateRequest): string {
    return `${repository.registry} ${repository.name} ${this.#deps.rights.identityOf(caller)}`;
  }
}

function digestIn(reference: string): Digest | undefined {
  const parsed = parseDigest(reference);
  return parsed.ok ? parsed.digest : undefined;
}
