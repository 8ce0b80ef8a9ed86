import assert from "node:assert/strict";
import { test } from "node:test";
import { bareMediaType, relayableChallenges } from "./header-value.ts";

test("contract 4.4: a password is only asked for over a local line, a token anywhere", () => {
  const bearer = 'Bearer realm="https://auth.example/token"';
  assert.deepEqual(relayableChallenges(["Basic realm=x", bearer], true), ["Basic realm=x", bearer]);
  assert.deepEqual(relayableChallenges(["Basic realm=x", bearer], false), [bearer]);
  assert.equal(relayableChallenges(["basic"], false), "withheld");
  assert.deepEqual(relayableChallenges([], false), []);
});

test("a media type loses its parameters, and what is none is bytes of an unknown type", () => {
  assert.equal(bareMediaType("application/vnd.oci.image.index.v1+json; charset=utf-8"), "application/vnd.oci.image.index.v1+json");
  for (const text of ["", "x", "a b/c", "text/html\r\nX: y"]) assert.equal(bareMediaType(text), "application/octet-stream", text);
});
