import { randomBytes } from "node:crypto";
import type { HostId } from "@darner/domain";
import { isPairProven, NONCE_BYTES, provePair, type Pair, type PairSide } from "@darner/membership";
import type { Secret } from "@darner/runtime";
import type { MemberHandshake, MemberStep } from "./member-gate.ts";

/** What both ends work with. */
export type PairHandshakeDeps = {
  readonly side: PairSide;
  readonly own: HostId;
  readonly other: HostId;
  /** The secret of the join token that all hosts of a swarm without a scheduler have. */
  readonly secret: Secret;
  /** The other end has proven to know it. */
  readonly proven: () => void;
};

/** The first byte of a word. */
const WORDS = { nonce: 2, proof: 3 } as const;

/** Both draw a nonce and prove to each other that they know the token's secret: the child first, so that a stranger who dials gets no proof to try secrets at. */
export class PairHandshake implements MemberHandshake {
  readonly #deps: PairHandshakeDeps;
  readonly #nonce = new Uint8Array(randomBytes(NONCE_BYTES));
  #theirs: Uint8Array | undefined;

  constructor(deps: PairHandshakeDeps) {
    this.#deps = deps;
  }

  begin(): MemberStep {
    return this.#deps.side === "parent" ? { type: "more" } : { type: "more", send: word(WORDS.nonce, this.#nonce) };
  }

  hear(said: Uint8Array): MemberStep {
    const content = said.slice(1);
    if (said[0] === WORDS.nonce && this.#theirs === undefined) return this.#hearNonce(content);
    if (said[0] === WORDS.proof && this.#theirs !== undefined) return this.#hearProof(content, this.#theirs);
    return { type: "failed" };
  }

  #hearNonce(nonce: Uint8Array): MemberStep {
    if (nonce.length !== NONCE_BYTES) return { type: "failed" };
    this.#theirs = nonce;
    return { type: "more", send: this.#deps.side === "parent" ? word(WORDS.nonce, this.#nonce) : this.#proof(nonce) };
  }

  #hearProof(proof: Uint8Array, theirs: Uint8Array): MemberStep {
    const { side, secret, proven } = this.#deps;
    if (!isPairProven(proof, secret, side === "parent" ? "child" : "parent", this.#pair(theirs))) return { type: "failed" };
    proven();
    return side === "parent" ? { type: "admitted", send: this.#proof(theirs) } : { type: "admitted" };
  }

  #proof(theirs: Uint8Array): Uint8Array {
    return word(WORDS.proof, provePair(this.#deps.secret, this.#deps.side, this.#pair(theirs)));
  }

  #pair(theirs: Uint8Array): Pair {
    const { side, own, other } = this.#deps;
    return side === "child"
      ? { child: own, parent: other, childNonce: this.#nonce, parentNonce: theirs }
      : { child: other, parent: own, childNonce: theirs, parentNonce: this.#nonce };
  }
}

function word(kind: number, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + content.length);
  bytes[0] = kind;
  bytes.set(content, 1);
  return bytes;
}
