import { createHash } from "node:crypto";
import { digestOf, parseDigest, parseTask, type Digest, type Repository } from "@darner/domain";
import type { ManifestFound, ManifestRequest, Refused } from "@darner/mirror";
import { RegistryError, type Authority, type ManifestBody } from "@darner/registry-client";
import type { ContentFacts } from "../access/contents.ts";
import { BlobFailure, type BlobFailureDetail } from "../peers/blob-failure.ts";
import { StoreError } from "../store/store-error.ts";
import { refusalOf } from "./refusals.ts";
import type { BackendDeps } from "./backend-deps.ts";
import { readWhole } from "../peers/read-whole.ts";
import { TagTable, type TagRequest, type TagTarget } from "./tag-table.ts";

/** A manifest known by digest, on its way to a caller who may have it. */
type Wanted = {
  readonly repository: Repository;
  readonly digest: Digest;
  readonly facts: ContentFacts;
  readonly authority: Authority;
  readonly warnings: readonly string[];
  readonly signal: AbortSignal;
};

// Signed schema 1: its digest leaves the signatures out, so its bytes prove nothing (contract, case 27).
const UNPROVABLE_TYPE = "application/vnd.docker.distribution.manifest.v1+prettyjws";

// What is at hand, or on its way, came through another registry: this one did not show that it has it, or nobody has proven it.
const CAME_ELSEWHERE: readonly BlobFailureDetail["code"][] = ["not-shown", "other-registry"];

/** Manifests: by tag with a HEAD, by digest from the store or through the swarm, else once from the registry. */
export class Manifests {
  readonly #deps: BackendDeps;
  readonly #tags: TagTable;

  constructor(deps: BackendDeps) {
    this.#deps = deps;
    this.#tags = new TagTable({
      gate: deps.gate,
      rights: deps.rights,
      clock: deps.timers,
      tagTtlMs: deps.tagTtlMs,
      graceMs: deps.graceMs,
      fetchWhole: (request, authority) => this.#fetchTag(request, authority),
    });
  }

  async manifest(request: ManifestRequest): Promise<ManifestFound | Refused> {
    try {
      const wanted = request.reference.includes(":") ? await this.#byDigest(request) : await this.#byTag(request);
      return request.headOnly ? await this.#head(wanted) : await this.#whole(wanted);
    } catch (error) {
      return refusalOf(error, "MANIFEST_UNKNOWN");
    }
  }

  async #byTag({ repository, reference, accept, caller, signal }: ManifestRequest): Promise<Wanted> {
    const target = await this.#tags.resolve({ repository, tag: reference, accept, caller, signal });
    const { digest, mediaType, size, authority, warnings } = target;
    this.#deps.contents.add(repository, "manifest", digest, { size, mediaType });
    return { repository, digest, facts: { size, mediaType }, authority, warnings, signal };
  }

  async #byDigest({ repository, reference, caller, signal }: ManifestRequest): Promise<Wanted> {
    const pass = await this.#deps.gate.check({ repository, kind: "manifest", reference, caller, signal });
    return {
      repository,
      digest: digestOf(reference),
      facts: pass.facts,
      authority: pass.authority,
      warnings: pass.head?.warnings ?? [],
      signal,
    };
  }

  async #head(wanted: Wanted): Promise<ManifestFound> {
    const { digest, facts, warnings } = wanted;
    const { size } = facts;
    if (size === undefined || facts.mediaType === undefined) {
      const { bytes: _body, ...head } = await this.#whole(wanted);
      return head;
    }
    return { kind: "manifest", digest, mediaType: facts.mediaType, size, warnings };
  }

  async #whole(wanted: Wanted): Promise<ManifestFound> {
    const { digest, facts, warnings } = wanted;
    const stored = await this.#fromStore(wanted);
    if (stored !== undefined) return { ...stored, warnings };
    const task = facts.size === undefined || facts.mediaType === undefined ? undefined : parseTask(digest, facts.size);
    const provable = task !== undefined && facts.mediaType !== UNPROVABLE_TYPE && task.size > 0 && task.size <= this.#deps.maxManifestBytes;
    if (!provable) return this.#fromRegistry(wanted);
    try {
      return await this.#throughSwarm(wanted, task.size, facts.mediaType ?? "");
    } catch (error) {
      if (!(error instanceof BlobFailure) || !CAME_ELSEWHERE.includes(error.detail.code)) throw error;
      // Small enough to be asked for whole: its digest says whether this registry has it.
      return this.#fromRegistry(wanted);
    }
  }

  #hasShown({ registry }: Repository, digest: Digest): boolean {
    return this.#deps.rights.mode === "open" || this.#deps.shown.has(registry, digest);
  }

  async #fromStore({ repository, digest, facts }: Wanted): Promise<ManifestFound | undefined> {
    const task = this.#deps.store.findComplete(digest);
    const stored = task === undefined || task.size > this.#deps.maxManifestBytes ? undefined : this.#deps.store.open(task);
    if (stored === undefined) return undefined;
    using blob = stored;
    if (blob.facts.registry !== this.#deps.registryBehind(repository.registry) && !this.#hasShown(repository, digest)) return undefined;
    // What this registry says of it comes first: HEAD and GET are to say the same.
    const mediaType = facts.mediaType ?? blob.facts.mediaType;
    if (mediaType === undefined) return undefined;
    const bytes = Buffer.allocUnsafe(blob.task.size);
    await blob.read(0, bytes);
    this.#deps.books.received("disk", bytes.length);
    return this.#found(repository, digest, mediaType, bytes);
  }

  async #throughSwarm(
    { repository, digest, authority, warnings, signal }: Wanted,
    size: number,
    mediaType: string,
  ): Promise<ManifestFound> {
    const wish = {
      source: { repository, kind: "manifest", authority },
      priority: "reader",
      facts: { registry: this.#deps.registryBehind(repository.registry), mediaType },
      ownOnly: !this.#hasShown(repository, digest),
    } as const;
    const blob = await this.#deps.peers.open({ digest, size }, wish);
    try {
      const bytes = await readWhole(blob.openStream(), size, signal);
      return { ...this.#found(repository, digest, mediaType, bytes), warnings };
    } finally {
      blob.close();
    }
  }

  async #fromRegistry({ repository, digest, authority, warnings, signal }: Wanted): Promise<ManifestFound> {
    const body = await this.#deps.registry.manifest({ repository, kind: "manifest", reference: digest, authority, signal });
    const mediaType = body.mediaType ?? "application/octet-stream";
    if (parseDigest(digest).ok && mediaType !== UNPROVABLE_TYPE) await this.#takeIn(repository, digest, mediaType, body);
    return { ...this.#found(repository, digest, mediaType, body.bytes), warnings: [...warnings, ...body.warnings] };
  }

  async #fetchTag({ repository, tag, accept, signal }: TagRequest, authority: Authority): Promise<TagTarget> {
    const body = await this.#deps.registry.manifest({ repository, kind: "manifest", reference: tag, accept, authority, signal });
    const mediaType = body.mediaType ?? "application/octet-stream";
    const digest = body.digest ?? digestOf(`sha256:${createHash("sha256").update(body.bytes).digest("hex")}`);
    if (mediaType !== UNPROVABLE_TYPE) await this.#takeIn(repository, digest, mediaType, body);
    return { digest, mediaType, size: body.bytes.length, warnings: body.warnings, authority };
  }

  /** Checks a manifest's digest and keeps it for everybody; one whose algorithm is not known here passes unkept. */
  async #takeIn(repository: Repository, digest: Digest, mediaType: string, { bytes }: ManifestBody): Promise<void> {
    const parsed = parseDigest(digest);
    if (!parsed.ok || !parsed.known) return;
    if (createHash(parsed.algorithm).update(bytes).digest("hex") !== parsed.encoded) {
      this.#deps.log.error("registry sent a manifest that does not have its digest", { registry: repository.registry, digest });
      throw new RegistryError({ code: "invalid-answer", what: "digest" }, `${repository.registry} sent a manifest that is not ${digest}`);
    }
    const task = { digest, size: bytes.length };
    this.#deps.shown.note(repository.registry, digest);
    const registry = this.#deps.registryBehind(repository.registry);
    try {
      const put = (): Promise<void> => this.#deps.store.put(task, bytes, { mediaType, registry });
      await this.#deps.peers.giveWay(task, put);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // The bytes are right and at hand: a disk without room is no reason to refuse them (contract, case 57).
      this.#deps.log.warn("manifest could not be kept", { digest, error });
      return;
    }
    this.#deps.announceComplete(task, registry);
  }

  #found(repository: Repository, digest: Digest, mediaType: string, bytes: Uint8Array): ManifestFound & { readonly bytes: Uint8Array } {
    this.#deps.contents.add(repository, "manifest", digest, { size: bytes.length, mediaType });
    this.#deps.contents.addManifest(repository, bytes);
    return { kind: "manifest", digest, mediaType, size: bytes.length, bytes, warnings: [] };
  }
}
