import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "@darner/runtime";
import { noLeaks } from "@darner/testkit";
import { endOfToken } from "./token-life.ts";

noLeaks();

function jwt(claims: object): Secret {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return new Secret(`Bearer ${part({ alg: "RS256" })}.${part(claims)}.c2lnbmF0dXJl`);
}

test("what is no token, or says nothing of its end, names none", () => {
  const texts = ["Basic YTpi", "Bearer abc", "Bearer a.b.c", "Bearer a.bnVsbA.c", "Bearer", "", `Bearer ${"x".repeat(9000)}.y.z`];
  for (const text of texts) assert.equal(endOfToken(new Secret(text)), undefined, text.slice(0, 20));
  for (const exp of ["soon", null, {}, undefined, 1e300]) assert.equal(endOfToken(jwt({ exp })), undefined);
});

test("the end that a token names is told in milliseconds", () => {
  assert.equal(endOfToken(jwt({ exp: 1_700_000_000 })), 1_700_000_000_000);
});
