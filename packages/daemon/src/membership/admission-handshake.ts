import type { PairSide } from "@darner/membership";
import type { MemberHandshake, MemberStep } from "./member-gate.ts";

/** What both ends work with. */
export type AdmissionHandshakeDeps = {
  readonly side: PairSide;
  /** This host's signed admission; undefined while it has none. */
  readonly own: Uint8Array | undefined;
  /** Whether the other end is known to be a member, without any word of it. */
  readonly isKnown: () => boolean;
  /** Whether these bytes are an admission of the other end. */
  readonly admit: (admission: Uint8Array) => boolean;
};

/** The first byte of a word. */
const WORDS = { none: 0, admission: 1 } as const;

/**
 * Each end says one word, its admission: the child first, the parent when it knows who the child is. A child that knows its parent by
 * the list need not wait for the answer.
 */
export class AdmissionHandshake implements MemberHandshake {
  readonly #deps: AdmissionHandshakeDeps;
  #heard = false;

  constructor(deps: AdmissionHandshakeDeps) {
    this.#deps = deps;
  }

  begin(): MemberStep {
    if (this.#deps.side === "parent") return { type: "more" };
    return { type: this.#deps.isKnown() ? "admitted" : "more", send: this.#word() };
  }

  hear(word: Uint8Array): MemberStep {
    if (this.#heard || !(this.#isAdmission(word) || this.#deps.isKnown())) return { type: "failed" };
    this.#heard = true;
    return this.#deps.side === "parent" ? { type: "admitted", send: this.#word() } : { type: "admitted" };
  }

  #isAdmission(word: Uint8Array): boolean {
    return word[0] === WORDS.admission && this.#deps.admit(word.subarray(1));
  }

  #word(): Uint8Array {
    const { own } = this.#deps;
    if (own === undefined) return Uint8Array.of(WORDS.none);
    const word = new Uint8Array(1 + own.length);
    word[0] = WORDS.admission;
    word.set(own, 1);
    return word;
  }
}
