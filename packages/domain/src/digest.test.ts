import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { digestAlgorithm, digestEncoded, digestOf, parseDigest } from "./digest.ts";

const HEX = Array.from("0123456789abcdef");
const sha256 = fc.string({ unit: fc.constantFrom(...HEX), minLength: 64, maxLength: 64 }).map((hex) => `sha256:${hex}`);
const hex64 = "a".repeat(64);

test("every sha256 of 64 lower-case hex digits is read, and gives back its parts", () => {
  fc.assert(
    fc.property(sha256, (text) => {
      const parsed = parseDigest(text);
      assert.deepEqual(parsed, { ok: true, digest: text, algorithm: "sha256", encoded: text.slice(7), known: true });
      assert.equal(`${digestAlgorithm(digestOf(text))}:${digestEncoded(digestOf(text))}`, text);
    }),
  );
});

test("whatever text comes, the parser answers, and what it accepts is within the grammar and unchanged", () => {
  const near = fc.tuple(fc.string({ maxLength: 10 }), fc.constantFrom(":", "", "::", "/"), fc.string({ maxLength: 70 }));
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string({ unit: "binary" }),
        near.map((parts) => parts.join("")),
      ),
      (text) => {
        const parsed = parseDigest(text);
        if (!parsed.ok) return;
        assert.equal(parsed.digest, text);
        assert.match(text, /^[a-z0-9+._-]+:[a-zA-Z0-9=_-]+$/);
      },
    ),
  );
});

test("one character that is no lower-case hex digit makes a sha256 digest unreadable", () => {
  fc.assert(
    fc.property(sha256, fc.nat(63), fc.constantFrom("A", "F", "g", "/", " ", "%", "\n", ".", "\u0000"), (text, at, bad) => {
      const changed = text.slice(0, 7 + at) + bad + text.slice(8 + at);
      assert.equal(parseDigest(changed).ok, false);
    }),
  );
});

test("a known algorithm with the wrong number of digits is told apart from what is no digest at all", () => {
  for (const text of [`sha256:${"a".repeat(63)}`, `sha256:${"a".repeat(65)}`, `sha256:${"A".repeat(64)}`, `sha512:${hex64}`]) {
    assert.deepEqual(parseDigest(text), { ok: false, problem: "wrong-length" }, text);
  }
  for (const text of [
    "",
    ":",
    "sha256",
    "sha256:",
    `SHA256:${hex64}`,
    `:${hex64}`,
    `sha256:${hex64}\n`,
    `sha256:${hex64}/..`,
    `sha256::${hex64}`,
  ]) {
    assert.deepEqual(parseDigest(text), { ok: false, problem: "malformed" }, JSON.stringify(text));
  }
});

test("an algorithm that this build cannot verify is read and said to be unknown", () => {
  for (const text of [
    `blake3:${hex64}`,
    "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8",
    "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564",
  ]) {
    const parsed = parseDigest(text);
    assert.ok(parsed.ok && !parsed.known, text);
  }
});

test("names that objects inherit are no known algorithms", () => {
  for (const name of ["constructor", "tostring", "hasownproperty"]) {
    const parsed = parseDigest(`${name}:${hex64}`);
    assert.ok(parsed.ok && !parsed.known, name);
  }
});

test("a text longer than any digest is refused before it is looked at", () => {
  assert.deepEqual(parseDigest(`sha256:${"a".repeat(1_000_000)}`), { ok: false, problem: "malformed" });
});

test("digestOf throws where its caller was wrong", () => {
  assert.throws(() => digestOf("latest"), /not a digest: "latest"/);
});
