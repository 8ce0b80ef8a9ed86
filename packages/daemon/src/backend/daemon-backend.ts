import type {
  BlobFound,
  BlobRequest,
  Listing,
  ListingRequest,
  ManifestFound,
  ManifestRequest,
  MirrorBackend,
  Refused,
} from "@darner/mirror";
import type { ImagePatterns } from "@darner/registry-client";
import type { BackendDeps } from "./backend-deps.ts";
import { Blobs } from "./blobs.ts";
import { Listings } from "./listings.ts";
import { Manifests } from "./manifests.ts";
import { refused } from "./refusals.ts";

/** What stands behind the mirror on a node: access first, then store, swarm and registry. */
export class DaemonBackend implements MirrorBackend, AsyncDisposable {
  readonly #deps: BackendDeps;
  readonly #manifests: Manifests;
  readonly #blobs: Blobs;
  readonly #listings: Listings;
  readonly #patterns: ImagePatterns;

  constructor(deps: BackendDeps, patterns: ImagePatterns) {
    this.#deps = deps;
    this.#patterns = patterns;
    this.#manifests = new Manifests(deps);
    this.#blobs = new Blobs(deps);
    this.#listings = new Listings(deps);
  }

  manifest(request: ManifestRequest): Promise<ManifestFound | Refused> {
    if (!this.#patterns.allowsImage(request.repository)) return notAllowed();
    return this.#answer(request.signal, this.#manifests.manifest(request));
  }

  blob(request: BlobRequest): Promise<BlobFound | Refused> {
    if (!this.#patterns.allowsImage(request.repository)) return notAllowed();
    return this.#answer(request.signal, this.#blobs.blob(request));
  }

  listing(request: ListingRequest): Promise<Listing | Refused> {
    const { registry, repository } = request;
    if (repository !== undefined && !this.#patterns.allowsImage({ registry, name: repository })) return notAllowed();
    return this.#answer(request.signal, this.#listings.listing(request));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#blobs.close();
  }

  /** A request nobody waits for any more is no failure; anything else that escapes the table of refusals is a defect, and an honest 500. */
  async #answer<Found>(signal: AbortSignal, answer: Promise<Found | Refused>): Promise<Found | Refused> {
    try {
      return await answer;
    } catch (error) {
      if (!signal.aborted) this.#deps.log.error("request failed for a reason nobody expected", { error });
      return refused(500, "UNSUPPORTED", "the mirror failed; the registry can be asked directly");
    }
  }
}

function notAllowed(): Promise<Refused> {
  return Promise.resolve(refused(404, "NAME_UNKNOWN", "no pattern of mirror.allow allows this image"));
}
