import assert from "node:assert/strict";
import { hostIdOf } from "@darner/domain";
import { isPairProven, provePair } from "@darner/membership";
import { Secret } from "@darner/runtime";
import type { FuzzTarget } from "@darner/testkit";
import { AdmissionHandshake } from "../src/membership/admission-handshake.ts";
import type { MemberHandshake } from "../src/membership/member-gate.ts";
import { PairHandshake } from "../src/membership/pair-handshake.ts";

const [OWN, OTHER] = [hostIdOf(`12D3KooW${"A".repeat(44)}`), hostIdOf(`12D3KooW${"B".repeat(44)}`)];
const SECRET = new Secret("a".repeat(32));
const NONCE = new Uint8Array(33);
NONCE[0] = 2;
const RIGHT = Buffer.from("right");

/** Cuts an input into words: each begins with a byte that says how long it is. */
function wordsOf(input: Uint8Array): Uint8Array[] {
  const words: Uint8Array[] = [];
  for (let at = 1; at < input.length && words.length < 6; at += 1 + (input[at] ?? 0))
    words.push(input.subarray(at + 1, at + 1 + (input[at] ?? 0)));
  return words;
}

/** How a handshake ends when it hears these words, one after the other. */
function endOf(handshake: MemberHandshake, words: readonly Uint8Array[]): string {
  let step = handshake.begin();
  for (const word of words) {
    if (step.type !== "more") break;
    step = handshake.hear(word);
  }
  return step.type;
}

/**
 * Words of the other end of a channel before it counts as a member: nothing but an admission, or the proof of the secret, lets it in.
 * @public the runner finds it by the name of its file
 */
export const memberWords: FuzzTarget = {
  name: "member-words",
  seeds: [
    Uint8Array.of(0, 6, 1, ...RIGHT),
    Uint8Array.of(1, 6, 1, ...RIGHT),
    Uint8Array.of(2, 33, ...NONCE, 33, 3, ...new Uint8Array(32)),
    Uint8Array.of(3, 33, ...NONCE, 33, 3, ...new Uint8Array(32)),
    Uint8Array.of(0, 1, 0),
  ],
  words: ["\u0001\u0001right", "!\u0003", "!\u0002", "right"],
  check: (input) => {
    const kind = (input[0] ?? 0) % 4;
    const side = kind % 2 === 0 ? "parent" : "child";
    const words = wordsOf(input);
    if (kind < 2) {
      const admit = (admission: Uint8Array): boolean => Buffer.compare(admission, RIGHT) === 0;
      const end = endOf(new AdmissionHandshake({ side, own: undefined, isKnown: () => false, admit }), words);
      assert.equal(end === "admitted", words[0]?.[0] === 1 && admit(words[0].subarray(1)));
      return `admission, ${side}: ${end}`;
    }
    let isProven = false;
    const proven = (): void => void (isProven = true);
    const end = endOf(new PairHandshake({ side, own: OWN, other: OTHER, secret: SECRET, proven }), words);
    assert.ok(end !== "admitted" && !isProven, "a nonce that is drawn anew is answered by nobody who does not know the secret");
    return `pair, ${side}: ${end}`;
  },
};

/**
 * Proofs of the secret of a join token between two hosts.
 * @public the runner finds it by the name of its file
 */
export const pairProof: FuzzTarget = {
  name: "pair-proof",
  seeds: [provePair(SECRET, "child", pairOf(new Uint8Array(32))), new Uint8Array(32), new Uint8Array()],
  words: ["\u0000\u0000"],
  check: (input) => {
    const pair = pairOf(new Uint8Array(32));
    const isRight = Buffer.compare(input, provePair(SECRET, "child", pair)) === 0;
    assert.equal(isPairProven(input, SECRET, "child", pair), isRight);
    assert.equal(isPairProven(input, SECRET, "parent", pair), false, "what the child proves proves nothing for the parent");
    return isRight ? "proven" : input.length === 32 ? "whole" : "other length";
  },
};

function pairOf(nonce: Uint8Array): Parameters<typeof provePair>[2] {
  return { child: OWN, parent: OTHER, childNonce: nonce, parentNonce: nonce };
}
