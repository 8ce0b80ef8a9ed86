import { isSchedulerProven, proveScheduler, type OwnKey } from "@darner/membership";
import type { ApiTokens } from "../http/api-tokens.ts";

/** How schedulers of one cluster know each other. */
export interface SiblingProof {
  prove(challenge: Uint8Array): Promise<Uint8Array>;
  isProven(proof: Uint8Array, challenge: Uint8Array): Promise<boolean>;
}

/** By the cluster's signing key, which they share; without one (join.insecure) by a token of the API, which they share, too. */
export function siblingProof(signingKey: OwnKey | undefined, tokens: Pick<ApiTokens, "prove" | "isProven">): SiblingProof {
  if (signingKey === undefined) return tokens;
  return {
    prove: (challenge) => Promise.resolve(proveScheduler(challenge, signingKey)),
    isProven: (proof, challenge) => Promise.resolve(isSchedulerProven(proof, challenge, signingKey.publicKey)),
  };
}
