import { createHmac, timingSafeEqual } from "node:crypto";
import type { HostId } from "@darner/domain";
import type { Secret } from "@darner/runtime";

/** Which end proves: the child dialled, the parent was dialled. */
export type PairSide = "parent" | "child";

/** The two hosts of an authenticated channel, and what each drew at random for it. */
export type Pair = { readonly child: HostId; readonly parent: HostId; readonly childNonce: Uint8Array; readonly parentNonce: Uint8Array };

/** Length in bytes of what each end draws at random. */
export const NONCE_BYTES = 32;
/** Length in bytes of a proof (HMAC with SHA-256). */
export const PAIR_PROOF_BYTES = 32;

/** That this end knows the token's secret, to be said to the other end of this channel and good for nothing else. */
export function provePair(secret: Secret, side: PairSide, { child, parent, childNonce, parentNonce }: Pair): Uint8Array {
  const mac = createHmac("sha256", secret.reveal());
  mac.update(`darner pair 1\0${side}\0${child}\0${parent}\0`).update(childNonce).update(parentNonce);
  return new Uint8Array(mac.digest());
}

/** Whether the other end, which is `side`, knows the secret. Takes the same time for every wrong proof. */
export function isPairProven(proof: Uint8Array, secret: Secret, side: PairSide, pair: Pair): boolean {
  return proof.length === PAIR_PROOF_BYTES && timingSafeEqual(proof, provePair(secret, side, pair));
}
