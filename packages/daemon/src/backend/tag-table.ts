import { createHash } from "node:crypto";
import { type Digest, type Repository } from "@darner/domain";
import type { Caller } from "@darner/mirror";
import { RegistryError, type Authority } from "@darner/registry-client";
import { LruMap, SingleFlight, type Clock } from "@darner/runtime";
import type { Gate } from "../access/gate.ts";
import { isAway } from "../access/recent-noes.ts";
import type { Rights } from "../access/rights.ts";

/** What a tag points at. */
export type TagTarget = {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  readonly warnings: readonly string[];
  readonly authority: Authority;
};

/** A request for a tag. */
export type TagRequest = {
  readonly repository: Repository;
  readonly tag: string;
  readonly accept: readonly string[];
  readonly caller: Caller;
  readonly signal: AbortSignal;
};

/** What a tag table works with. */
export type TagTableDeps = {
  readonly gate: Gate;
  readonly rights: Rights;
  readonly clock: Clock;
  /** Fetches a manifest whole where the registry's HEAD does not tell enough (contract, case 23), takes it in, and says what it is. */
  readonly fetchWhole: (request: TagRequest, authority: Authority) => Promise<TagTarget>;
  readonly tagTtlMs: number;
  readonly graceMs: number;
};

/** What is kept of an answer: never in whose name it was asked, which would keep a credential. */
type Remembered = { readonly target: Omit<TagTarget, "authority">; readonly at: number };

// One entry a (repository, tag, Accept, right): far more tags than a cluster runs at a time.
const MAX_TAGS = 20_000;
// contract 1.14: what Darner may add when it serves a tag the registry could not confirm.
const STALE_WARNING = '299 - "stale tag: the registry could not be asked"';

/** Which digest a tag points at: asked by HEAD, remembered for seconds, served stale while the registry is away. */
export class TagTable {
  readonly #deps: TagTableDeps;
  readonly #tags = new LruMap<string, Remembered>({ maxEntries: MAX_TAGS });
  readonly #fetches = new SingleFlight<string, TagTarget>();

  constructor(deps: TagTableDeps) {
    this.#deps = deps;
  }

  /** Rejects with `RegistryError` where the registry says no, or cannot be asked and nothing is remembered. */
  async resolve(request: TagRequest): Promise<TagTarget> {
    const { rights, clock, tagTtlMs } = this.#deps;
    if (rights.of(request.repository, request.caller) !== undefined) {
      const remembered = this.#tags.get(this.#keyOf(request, false));
      if (remembered !== undefined && clock.now() - remembered.at < tagTtlMs) return this.#ownedBy(request, remembered.target);
    }
    try {
      const asked = await this.#ask(request);
      const { authority: _authority, ...target } = asked;
      this.#tags.set(this.#keyOf(request, false), { target, at: clock.now() });
      return asked;
    } catch (error) {
      return this.#stale(request, error);
    }
  }

  async #ask(request: TagRequest): Promise<TagTarget> {
    const { repository, tag, accept, caller, signal } = request;
    const hasStale = this.#staleFor(request) !== undefined;
    const pass = await this.#deps.gate.ask({ repository, kind: "manifest", reference: tag, accept, caller, hasStale, signal });
    const { digest, mediaType, size, warnings = [] } = pass.head ?? {};
    if (digest === undefined || mediaType === undefined || size === undefined) {
      // A GET counts at some registries: one for all who ask at once (contract, case 23).
      const fetch = (shared: AbortSignal): Promise<TagTarget> => this.#deps.fetchWhole({ ...request, signal: shared }, pass.authority);
      return this.#fetches.run(this.#keyOf(request, false), fetch, signal);
    }
    return { digest, mediaType, size, warnings, authority: pass.authority };
  }

  #stale(request: TagRequest, error: unknown): TagTarget {
    const stale = isAway(error) ? this.#staleFor(request) : undefined;
    if (stale !== undefined) return stale;
    // A tag that was deleted, or is this caller's no more, is not to come back while the registry is away.
    if (error instanceof RegistryError && !isAway(error)) this.#tags.delete(this.#keyOf(request, true));
    throw error;
  }

  /** What would be served if the registry could not be asked. */
  #staleFor(request: TagRequest): TagTarget | undefined {
    const remembered = this.#tags.get(this.#keyOf(request, true));
    const right = this.#deps.rights.of(request.repository, request.caller, true);
    if (remembered === undefined || right === undefined || this.#deps.clock.now() - remembered.at >= this.#deps.graceMs) return undefined;
    return { ...this.#ownedBy(request, remembered.target), warnings: [...remembered.target.warnings, STALE_WARNING] };
  }

  /** A target another caller with the same right asked for: read in this caller's name. */
  #ownedBy({ repository, caller }: TagRequest, target: Remembered["target"]): TagTarget {
    const right = this.#deps.rights.of(repository, caller, true) ?? "caller";
    return { ...target, authority: this.#deps.gate.authorityFor(repository, caller, right) };
  }

  /** What a public repository says is everybody's; what a private one says is this credential's. The Accept set belongs to the key (contract 1.4). */
  #keyOf({ repository, tag, accept, caller }: TagRequest, grace: boolean): string {
    const { rights } = this.#deps;
    const whose = rights.of(repository, caller, grace) === "public" ? "public" : rights.identityOf(caller);
    return [repository.registry, repository.name, tag, whose, acceptClass(accept)].join(" ");
  }
}

/** The media types of Accept headers as a set: order, parameters and repetition do not matter. Hashed, because a client may send 64 KiB of them. */
function acceptClass(accept: readonly string[]): string {
  const types = accept.flatMap((header) => header.split(",")).map((type) => (type.split(";")[0] ?? "").trim().toLowerCase());
  const set = [...new Set(types.filter((type) => type !== ""))].sort();
  return createHash("sha256").update(set.join(",")).digest("base64url");
}
