import { createHash } from "node:crypto";
import { digestAlgorithm, digestEncoded, type Digest, type Repository, readManifest, type Descriptor } from "@darner/domain";
import { RegistryError, type Authority, type ManifestBody, type RegistryClient } from "@darner/registry-client";
import type { ImageReference } from "../job-request.ts";
import type { ResolvedImage } from "../job.ts";
import { choosePlatforms } from "./choose-platforms.ts";

/** One thing that hosts are to hold: a manifest or a blob of a repository, by digest. */
export type Content = {
  readonly kind: "manifest" | "blob";
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
  /** A manifest's bytes, so that no host asks the registry for it again. */
  readonly bytes?: Uint8Array;
  /** Only hosts of these platforms (as the index writes them) need it; absent: everybody. */
  readonly platforms?: readonly string[];
};

/** An image with everything that has to be held, in the order in which a client wants it: index, manifest, config, layers. */
export type ImageContents = {
  readonly repository: Repository;
  readonly image: ResolvedImage;
  readonly contents: readonly Content[];
};

/** Why an image cannot be warmed. */
export class ImageError extends Error {
  /** The registry's status, where it said one. */
  readonly status: number | undefined;
  /** Whether the registry wants another credential. */
  readonly isDenied: boolean;

  constructor(message: string, status?: number, options?: ErrorOptions) {
    super(message, options);
    this.name = "ImageError";
    this.status = status;
    this.isDenied = status === 401 || status === 403;
  }
}

/** What resolving works with. */
export type ResolveDeps = {
  readonly client: Pick<RegistryClient, "head" | "manifest">;
  readonly authority: Authority;
  /** Manifests fetched before, by registry, repository and digest: a registry counts each GET of one as a pull. */
  readonly manifests: { get(key: string): ManifestBody | undefined; set(key: string, body: ManifestBody): unknown };
  /** Manifests that some resolution is fetching now, by the same key: at most one each open job. */
  readonly underWay: Map<string, Promise<unknown>>;
  readonly signal: AbortSignal;
};

// An index of indexes of indexes is nothing that anybody builds.
const MAX_DEPTH = 4;

/** Resolves an image to everything that hosts of these platforms need, by digest; rejects with `ImageError` or the signal's reason. */
export async function resolveImage(
  reference: ImageReference,
  wanted: readonly string[] | undefined,
  deps: ResolveDeps,
): Promise<ImageContents> {
  const resolution = new Resolution(reference, wanted, deps);
  return resolution.run();
}

class Resolution {
  readonly #reference: ImageReference;
  readonly #wanted: readonly string[] | undefined;
  readonly #deps: ResolveDeps;
  readonly #contents = new Map<Digest, Content>();
  // Which platforms need a content; everybody where it is not in here.
  readonly #needed = new Map<Digest, Set<string>>();
  readonly #platforms = new Set<string>();
  readonly #otherPlatforms = new Set<string>();
  #lacking: readonly string[] = [];
  #elsewhere = 0;

  constructor(reference: ImageReference, wanted: readonly string[] | undefined, deps: ResolveDeps) {
    this.#reference = reference;
    this.#wanted = wanted;
    this.#deps = deps;
  }

  async run(): Promise<ImageContents> {
    const { repository } = this.#reference;
    const { digest, body } = await this.#root();
    await this.#take(digest, body, 0);
    const contents = [...this.#contents.values()].map((content) => this.#withPlatforms(content));
    const image: ResolvedImage = {
      name: this.#name(),
      digest,
      mediaType: body.mediaType ?? "application/octet-stream",
      platforms: [...this.#platforms],
      otherPlatforms: [...this.#otherPlatforms],
      contents: contents.length,
      bytes: contents.reduce((sum, { size }) => sum + size, 0),
      notes: this.#notes(),
    };
    return { repository, image, contents };
  }

  #notes(): string[] {
    const foreign = `${String(this.#elsewhere)} layers of ${this.#name()} are not at the registry (foreign layers) and are not warmed`;
    const lacks = `${this.#name()} has nothing for ${this.#lacking.join(", ")}: hosts of that platform are left out`;
    return [...(this.#elsewhere === 0 ? [] : [foreign]), ...(this.#lacking.length === 0 ? [] : [lacks])];
  }

  /** What the name stands for now; a tag is asked with a HEAD, which counts as no pull. */
  async #root(): Promise<{ digest: Digest; body: ManifestBody }> {
    const { tag, digest } = this.#reference;
    if (digest !== undefined) return { digest, body: await this.#manifest(digest) };
    const reference = tag ?? "latest";
    const head = await this.#asked(() => this.#deps.client.head(this.#request("manifest", reference)));
    if (head.digest !== undefined) return { digest: head.digest, body: await this.#manifest(head.digest) };
    const body = await this.#asked(() => this.#deps.client.manifest(this.#request("manifest", reference)));
    if (body.digest === undefined) throw new ImageError(`${this.#name()}: the registry does not say which digest the tag stands for`);
    this.#deps.manifests.set(this.#key(body.digest), body);
    return { digest: body.digest, body };
  }

  #withPlatforms(content: Content): Content {
    const needed = this.#needed.get(content.digest);
    return needed === undefined ? content : { ...content, platforms: [...needed] };
  }

  /** Notes who needs a content: what everybody needs stays everybody's. */
  #note(digest: Digest, platform: string | undefined): void {
    const needed = this.#needed.get(digest);
    if (platform === undefined) this.#needed.delete(digest);
    else if (needed !== undefined) needed.add(platform);
    else if (!this.#contents.has(digest)) this.#needed.set(digest, new Set([platform]));
  }

  async #take(digest: Digest, body: ManifestBody, depth: number, platform?: string): Promise<void> {
    this.#note(digest, platform);
    const mediaType = body.mediaType ?? "application/octet-stream";
    this.#contents.set(digest, { kind: "manifest", digest, size: body.bytes.length, mediaType, bytes: body.bytes });
    const parts = readManifest(new TextDecoder().decode(body.bytes));
    switch (parts.kind) {
      case "unreadable":
        throw new ImageError(`${this.#name()}: the manifest ${digest} cannot be read: ${parts.why}`);
      case "image":
        this.#elsewhere += parts.elsewhere.length;
        for (const blob of parts.blobs) await this.#takeBlob(blob, platform);
        return;
      case "index":
        await this.#takeIndex(parts.manifests, depth, platform);
    }
  }

  async #takeIndex(manifests: readonly Descriptor[], depth: number, above: string | undefined): Promise<void> {
    if (depth >= MAX_DEPTH) throw new ImageError(`${this.#name()}: indexes are nested more than ${String(MAX_DEPTH)} deep`);
    const { chosen, platforms, otherPlatforms, lacking } = choosePlatforms(manifests, this.#wanted);
    if (depth === 0) this.#lacking = lacking;
    if (chosen.length === 0 && manifests.length > 0) throw new ImageError(this.#noMatch(otherPlatforms));
    for (const platform of platforms) this.#platforms.add(platform);
    for (const platform of otherPlatforms) this.#otherPlatforms.add(platform);
    for (const { digest, platform } of chosen) await this.#take(digest, await this.#manifest(digest), depth + 1, platform ?? above);
  }

  #noMatch(exist: readonly string[]): string {
    const has = exist.length === 0 ? "no platform that can be run" : `only ${exist.join(", ")}`;
    return `${this.#name()}: there is nothing for ${(this.#wanted ?? []).join(", ")}; the image has ${has}`;
  }

  async #takeBlob({ digest, mediaType, size }: Descriptor, platform: string | undefined): Promise<void> {
    this.#note(digest, platform);
    if (this.#contents.has(digest)) return;
    const known = size ?? (await this.#asked(() => this.#deps.client.head(this.#request("blob", digest)))).size;
    if (known === undefined) throw new ImageError(`${this.#name()}: nobody says how large ${digest} is`);
    this.#contents.set(digest, { kind: "blob", digest, size: known, mediaType: mediaType ?? "application/octet-stream" });
  }

  /** Jobs for one image that come at once share a GET; where it fails each asks itself, as the next one's credential may be a better one. */
  async #manifest(digest: Digest): Promise<ManifestBody> {
    const { manifests, underWay } = this.#deps;
    const key = this.#key(digest);
    if (manifests.get(key) === undefined) await underWay.get(key)?.catch(() => undefined);
    const known = manifests.get(key);
    if (known !== undefined) return known;
    const fetching = this.#fetchManifest(digest);
    underWay.set(key, fetching);
    try {
      return await fetching;
    } finally {
      if (underWay.get(key) === fetching) underWay.delete(key);
    }
  }

  async #fetchManifest(digest: Digest): Promise<ManifestBody> {
    const body = await this.#asked(() => this.#deps.client.manifest(this.#request("manifest", digest)));
    const hash = createHash(digestAlgorithm(digest)).update(body.bytes).digest("hex");
    if (hash !== digestEncoded(digest)) throw new ImageError(`${this.#name()}: the registry sent a manifest that is not ${digest}`);
    this.#deps.manifests.set(this.#key(digest), body);
    return body;
  }

  /** Who may read a manifest in one repository may not in another. */
  #key(digest: Digest): string {
    const { registry, name } = this.#reference.repository;
    return `${registry}/${name}@${digest}`;
  }

  #request(kind: "manifest" | "blob", reference: string): Parameters<RegistryClient["head"]>[0] {
    const { authority, signal } = this.#deps;
    return { repository: this.#reference.repository, kind, reference, authority, signal };
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      throw refusal(this.#name(), this.#reference.repository.registry, error);
    }
  }

  #name(): string {
    const { repository, tag, digest } = this.#reference;
    return `${repository.registry}/${repository.name}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
  }
}

/** A registry's refusal as a sentence: the image, what came, what to do. */
function refusal(name: string, registry: string, error: RegistryError): ImageError {
  const { detail } = error;
  const options = { cause: error };
  switch (detail.code) {
    case "unauthorized":
      return new ImageError(
        `${name}: the registry refuses the credential (401): renew the token, or give Darner its own credential for it`,
        401,
        options,
      );
    case "not-found":
      return new ImageError(`${name}: the registry does not have it (404): check the project, the repository and the tag`, 404, options);
    case "rate-limited":
      return new ImageError(`${name}: the registry wants a pause (429): it is pulled from too often`, 429, options);
    case "host-refused":
      return new ImageError(
        `${name}: ${error.message}: to allow it, add registries: { "${detail.host}": {} } to the configuration`,
        undefined,
        options,
      );
    case "denied":
    case "refused":
      return new ImageError(`${name}: ${error.message}${saidBy(detail.body)}`, detail.status, options);
    case "unavailable": {
      const untrusted = UNTRUSTED.exec(error.message)?.[0];
      const how = `give its CA as registries: { "${registry}": { caFile: … } }, on the scheduler and on the hosts`;
      const text = untrusted === undefined ? error.message : `the certificate of ${registry} is not trusted (${untrusted}): ${how}`;
      return new ImageError(`${name}: ${text}`, detail.status, options);
    }
    case "invalid-answer":
    case "range-ignored":
      return new ImageError(`${name}: ${error.message}`, undefined, options);
  }
}

// What OpenSSL says of a certificate nobody here vouches for.
const UNTRUSTED = /[A-Z_]*(?:CERT|ISSUER|LEAF_SIGNATURE)[A-Z_]*/;
// A sentence of a registry that is worth showing.
const MAX_SAID = 500;

/** What a registry says in its own words, as the distribution spec writes errors; empty where it says nothing. */
function saidBy(body: Uint8Array): string {
  try {
    const { errors } = JSON.parse(new TextDecoder().decode(body)) as { errors?: readonly { message?: unknown }[] };
    const message = errors?.[0]?.message;
    return typeof message === "string" && message !== "" ? `: ${message.replace(/[^\x20-\x7e]/g, " ").slice(0, MAX_SAID)}` : "";
  } catch {
    return "";
  }
}
