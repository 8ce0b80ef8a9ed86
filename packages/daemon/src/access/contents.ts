import { parseDigest, type Digest, type Repository } from "@darner/domain";
import { LruMap } from "@darner/runtime";

/** What is known of a digest that a repository contains. */
export type ContentFacts = { readonly size?: number; readonly mediaType?: string };

/** Under which path a digest is asked: the two are never mixed. */
export type ContentKind = "manifest" | "blob";

// A manifest may name 25,000 layers; this holds several such images and thousands of ordinary ones in about 60 MB at the very most.
const MAX_CONTENTS = 200_000;

type Descriptor = { readonly digest?: unknown; readonly size?: unknown; readonly mediaType?: unknown; readonly urls?: unknown };

// Layers that clients fetch from their `urls`, not from the registry.
const LIES_ELSEWHERE = /\.foreign\.|\.nondistributable\./;

/** Which digests a repository contains: named by a manifest served for it, or confirmed by the registry. Holds no secret and is no right by itself. */
export class Contents {
  readonly #facts: LruMap<string, ContentFacts>;

  constructor() {
    this.#facts = new LruMap({ maxEntries: MAX_CONTENTS });
  }

  get(repository: Repository, kind: ContentKind, digest: Digest): ContentFacts | undefined {
    return this.#facts.get(keyOf(repository, kind, digest));
  }

  add(repository: Repository, kind: ContentKind, digest: Digest, facts: ContentFacts): void {
    const key = keyOf(repository, kind, digest);
    this.#facts.set(key, { ...this.#facts.get(key), ...facts });
  }

  /**
   * Takes in the blobs a manifest names (image-spec: config, layers, blobs; schema 2 likewise). Other JSON names nothing.
   * What registries take without having it proves nothing: the children of an index, a `subject`, layers that lie elsewhere (contract, cases 34, 35).
   */
  addManifest(repository: Repository, bytes: Uint8Array): void {
    const manifest = parseObject(bytes);
    for (const field of ["config", "layers", "blobs"]) this.#addAll(repository, manifest[field]);
  }

  #addAll(repository: Repository, value: unknown): void {
    const descriptors: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const descriptor of descriptors) {
      if (typeof descriptor !== "object" || descriptor === null) continue;
      const { digest, size, mediaType, urls } = descriptor as Descriptor;
      if (urls !== undefined || (typeof mediaType === "string" && LIES_ELSEWHERE.test(mediaType))) continue;
      const parsed = typeof digest === "string" ? parseDigest(digest) : undefined;
      if (parsed?.ok !== true) continue;
      this.add(repository, "blob", parsed.digest, {
        ...(typeof size === "number" && Number.isSafeInteger(size) && size >= 0 ? { size } : {}),
        ...(typeof mediaType === "string" ? { mediaType } : {}),
      });
    }
  }
}

function keyOf({ registry, name }: Repository, kind: ContentKind, digest: Digest): string {
  return `${registry} ${name} ${kind} ${digest}`;
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
