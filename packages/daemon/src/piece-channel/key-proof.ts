import { randomBytes, verify } from "node:crypto";
import type { HostId } from "@darner/domain";
import { hostIdOfKey, publicKeyOf } from "@darner/membership";
import { encodePieceFrame, type PieceFrame } from "@darner/protocol";
import type { Identity } from "../identity/identity.ts";
import type { ChannelSide } from "./channel-event.ts";

type Claim = { readonly key: Uint8Array; readonly nonce: Uint8Array };

/** What one frame of the handshake brought. */
export type ProofStep =
  /** Go on listening; `send` first, where there is something. */
  | { readonly type: "more"; readonly send?: Uint8Array }
  /** The other end has shown the key of `host`; `send` first, where there is something. */
  | { readonly type: "proven"; readonly host: HostId; readonly send?: Uint8Array }
  /** The other end has shown nothing: end the connection. */
  | { readonly type: "failed" };

// Keeps these signatures apart from every other use of the same key (TLS and Noise have prefixes of their own).
const CONTEXT = Buffer.from("darner piece channel 1, without encryption\0");

/**
 * How two hosts prove their keys to each other where the channel is not encrypted: each signs both keys, both nonces and its own part.
 * The child claims, the parent claims and proves, the child proves. The bytes that follow are not protected on the way:
 * BLAKE3 finds what was changed, and who can change bytes can also end the connection.
 */
export class KeyProof {
  readonly #identity: Identity;
  readonly #side: ChannelSide;
  readonly #mine: Claim;
  #theirs: Claim | undefined;

  constructor(identity: Identity, side: ChannelSide) {
    this.#identity = identity;
    this.#side = side;
    this.#mine = { key: identity.publicKey, nonce: new Uint8Array(randomBytes(32)) };
  }

  /** What the child sends first; a parent sends nothing before it has heard a claim. */
  opening(): Uint8Array {
    return encodePieceFrame({ type: "claim", ...this.#mine });
  }

  /** Takes the next frame of the other end. */
  hear(frame: PieceFrame): ProofStep {
    if (frame.type === "claim" && this.#theirs === undefined) return this.#hearClaim(frame);
    if (frame.type === "proof" && this.#theirs !== undefined) return this.#hearProof(this.#theirs, frame.signature);
    return { type: "failed" };
  }

  #hearClaim(claim: Claim): ProofStep {
    this.#theirs = { key: claim.key, nonce: claim.nonce };
    if (this.#side === "child") return { type: "more" };
    return { type: "more", send: Buffer.concat([this.opening(), this.#proof(this.#theirs)]) };
  }

  #hearProof(theirs: Claim, signature: Uint8Array): ProofStep {
    const other = this.#side === "child" ? "parent" : "child";
    const key = publicKeyOf(theirs.key);
    if (key === undefined || !verify(null, this.#transcript(other, theirs), key, signature)) return { type: "failed" };
    const host = hostIdOfKey(theirs.key);
    return this.#side === "parent" ? { type: "proven", host } : { type: "proven", host, send: this.#proof(theirs) };
  }

  #proof(theirs: Claim): Uint8Array {
    return encodePieceFrame({ type: "proof", signature: this.#identity.sign(this.#transcript(this.#side, theirs)) });
  }

  /** The bytes that `signer` signs: the same whichever end writes them down. */
  #transcript(signer: ChannelSide, theirs: Claim): Uint8Array {
    const [child, parent] = this.#side === "child" ? [this.#mine, theirs] : [theirs, this.#mine];
    return Buffer.concat([CONTEXT, Buffer.from(`${signer}\0`), child.key, parent.key, child.nonce, parent.nonce]);
  }
}
