import type { HostId } from "@darner/domain";
import { KEY_BYTES, keyOfHost } from "./host-key.ts";
import type { OwnKey } from "./key-file.ts";
import { concat, readStatement, SIGNATURE_BYTES, signStatement } from "./statement.ts";

/** Length in bytes of what a scheduler asks a host to sign. */
export const CHALLENGE_BYTES = 32;

/**
 * How a host shows its key to a scheduler: it signs the scheduler's challenge together with the cluster's key, which the scheduler
 * has proven in the TLS handshake under the same session. Nobody in between can use it elsewhere.
 */
export function proveHost(challenge: Uint8Array, signingKey: Uint8Array, key: Pick<OwnKey, "sign">): Uint8Array {
  return signStatement("session", concat(challenge, signingKey), key).slice(-SIGNATURE_BYTES);
}

/** Whether `host` itself signed this challenge for this cluster. Never throws. */
export function isHostProven(host: HostId, proof: Uint8Array, challenge: Uint8Array, signingKey: Uint8Array): boolean {
  const key = keyOfHost(host);
  if (key === undefined || proof.length !== SIGNATURE_BYTES || challenge.length !== CHALLENGE_BYTES || signingKey.length !== KEY_BYTES)
    return false;
  return readStatement("session", concat(challenge, signingKey, proof), key) !== undefined;
}

/** How a scheduler shows another one of its cluster that it has the signing key, which the other has proven in the same TLS session. */
export function proveScheduler(challenge: Uint8Array, signingKey: Pick<OwnKey, "sign">): Uint8Array {
  return signStatement("sibling", challenge, signingKey).slice(-SIGNATURE_BYTES);
}

/** Whether whoever has this signing key signed the challenge. Never throws. */
export function isSchedulerProven(proof: Uint8Array, challenge: Uint8Array, signingKey: Uint8Array): boolean {
  if (proof.length !== SIGNATURE_BYTES || challenge.length !== CHALLENGE_BYTES || signingKey.length !== KEY_BYTES) return false;
  return readStatement("sibling", concat(challenge, proof), signingKey) !== undefined;
}
