import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseChallenges, type Challenge } from "./challenge.ts";

const plain = (values: readonly string[]): [string, Record<string, string>, string?][] =>
  parseChallenges(values).map(({ scheme, params, token68 }) => {
    const shown = Object.fromEntries(params);
    return token68 === undefined ? [scheme, shown] : [scheme, shown, token68];
  });

test("a registry's Bearer challenge", () => {
  assert.deepEqual(plain([`Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull"`]), [
    ["bearer", { realm: "https://auth.docker.io/token", service: "registry.docker.io", scope: "repository:a/b:pull" }],
  ]);
});

test("several challenges in one header, several headers, odd case and blanks", () => {
  assert.deepEqual(plain([`BASIC Realm = "x, y" , bearer REALM="https://r/t" ,scope="a,b"`, "Negotiate", `Digest realm="d",nonce=abc`]), [
    ["basic", { realm: "x, y" }],
    ["bearer", { realm: "https://r/t", scope: "a,b" }],
    ["negotiate", {}],
    ["digest", { realm: "d", nonce: "abc" }],
  ]);
});

test("unquoted realms, which some registries send", () => {
  assert.deepEqual(plain(["Bearer realm=https://r.example/token?x=1,service=r.example"]), [
    ["bearer", { realm: "https://r.example/token?x=1", service: "r.example" }],
  ]);
});

test("escapes in quoted values, empty list members, a value cut off in the middle", () => {
  assert.deepEqual(plain([`,, Bearer realm="a\\"b\\\\c" ,, ,error="invalid`]), [["bearer", { realm: `a"b\\c`, error: "invalid" }]]);
});

test("token68 data, alone and before another challenge", () => {
  assert.deepEqual(plain(["Negotiate YWJj==, Basic realm=x"]), [
    ["negotiate", {}, "YWJj=="],
    ["basic", { realm: "x" }],
  ]);
});

test("of a repeated parameter the first counts", () => {
  assert.deepEqual(plain(["Bearer realm=a,realm=b"]), [["bearer", { realm: "a" }]]);
});

test("whatever comes in, the reader ends and every scheme it finds stands in the text", () => {
  const noise = fc.string({ unit: fc.constantFrom(...'bB =,"\\\t;/:aré\u0000'.split(""), "Bearer ", "realm=", "basic ") });
  fc.assert(
    fc.property(fc.array(fc.oneof(noise, fc.string()), { maxLength: 4 }), (values) => {
      for (const { scheme, params } of parseChallenges(values)) {
        assert.ok(values.some((value) => value.toLowerCase().includes(scheme)));
        for (const name of params.keys()) assert.ok(values.some((value) => value.toLowerCase().includes(name)));
      }
    }),
    { numRuns: 2000 },
  );
});

const word = fc.string({ unit: fc.constantFrom(..."abcxyz019-_.".split("")), minLength: 1, maxLength: 8 }).map((text) => `k${text}`);
const blanks = fc.constantFrom("", " ", "\t ");
const challenge = fc.record({
  scheme: word,
  params: fc.uniqueArray(fc.tuple(word, fc.string({ maxLength: 12 })), { minLength: 1, maxLength: 4, selector: ([name]) => name }),
});

test("what is written by the grammar reads back as it was, in any style", () => {
  fc.assert(
    fc.property(fc.array(challenge, { minLength: 1, maxLength: 3 }), blanks, fc.boolean(), (challenges, blank, oneHeader) => {
      const written = challenges.map(({ scheme, params }) => {
        const list = params.map(([name, value]) => `${name.toUpperCase()}${blank}=${blank}"${value.replace(/[\\"]/g, "\\$&")}"`);
        return `${scheme} ${list.join(`${blank},${blank}`)}`;
      });
      const expected: Challenge[] = challenges.map(({ scheme, params }) => ({ scheme, params: new Map(params) }));
      assert.deepEqual(parseChallenges(oneHeader ? [written.join(", ")] : written), expected);
    }),
    { numRuns: 1000 },
  );
});
