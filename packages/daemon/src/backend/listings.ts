import type { Listing, ListingRequest, Refused } from "@darner/mirror";
import type { Authority } from "@darner/registry-client";
import type { BackendDeps } from "./backend-deps.ts";
import { refusalOf } from "./refusals.ts";

/** Tags, referrers and `/v2/`: the registry's own answer, in the caller's own name, kept for nobody (contract 1.8, 1.9). */
export class Listings {
  readonly #deps: BackendDeps;

  constructor(deps: BackendDeps) {
    this.#deps = deps;
  }

  async listing({ registry, repository, path, headers, caller, signal }: ListingRequest): Promise<Listing | Refused> {
    const authority: Authority =
      caller.authorization === undefined ? { kind: "anonymous" } : { kind: "caller", authorization: caller.authorization };
    try {
      const relayed = await this.#deps.registry.relay({
        registry,
        path,
        headers,
        authority,
        signal,
        ...(repository === undefined ? {} : { repository }),
      });
      return { kind: "listing", ...relayed };
    } catch (error) {
      return refusalOf(error, "NAME_UNKNOWN");
    }
  }
}
