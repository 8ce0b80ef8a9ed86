import { readManifest, type Digest, type Repository } from "@darner/domain";
import { LruMap } from "@darner/runtime";

/** What is known of a digest that a repository contains. */
export type ContentFacts = { readonly size?: number; readonly mediaType?: string };

/** Under which path a digest is asked: the two are never mixed. */
export type ContentKind = "manifest" | "blob";

// A manifest may name 25,000 layers; this holds several such images and thousands of ordinary ones in about 60 MB at the very most.
const MAX_CONTENTS = 200_000;

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
    const parts = readManifest(new TextDecoder().decode(bytes));
    if (parts.kind !== "image") return;
    for (const { digest, size, mediaType } of parts.blobs)
      this.add(repository, "blob", digest, { ...(size === undefined ? {} : { size }), ...(mediaType === undefined ? {} : { mediaType }) });
  }
}

function keyOf({ registry, name }: Repository, kind: ContentKind, digest: Digest): string {
  return `${registry} ${name} ${kind} ${digest}`;
}
