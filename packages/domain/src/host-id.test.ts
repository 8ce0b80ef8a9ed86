import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hostIdOf, parseHostId } from "./host-id.ts";

const BASE58 = Array.from("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz");
const hostId = fc.string({ unit: fc.constantFrom(...BASE58), minLength: 44, maxLength: 44 }).map((key) => `12D3KooW${key}`);

test("an id as libp2p writes it is read as it is", () => {
  fc.assert(fc.property(hostId, (text) => parseHostId(text) === text));
});

test("anything else is none: another key type, a digit that base58 has not, one character more or less", () => {
  fc.assert(
    fc.property(hostId, fc.integer({ min: 8, max: 51 }), fc.constantFrom("0", "O", "I", "l", "/", " ", "\n"), (text, at, bad) => {
      for (const wrong of [
        text.slice(1),
        `${text}1`,
        text.slice(0, -1),
        `Qm${text.slice(2)}`,
        text.slice(0, at) + bad + text.slice(at + 1),
      ]) {
        assert.equal(parseHostId(wrong), undefined, wrong);
      }
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => parseHostId(text) === undefined));
});

test("a name that a test gives a host is taken as it is", () => {
  assert.equal(hostIdOf("host-1"), "host-1");
});
