import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { byCloseness, isFor, parsePlace } from "./credential-place.ts";
import { readDockerConfig } from "./docker-config.ts";
import type { OwnCredential } from "./keychain.ts";

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");

/** A credential as plain text, for comparing. */
function shown(credential: OwnCredential | undefined): unknown {
  if (credential === undefined) return undefined;
  return credential.kind === "password"
    ? [credential.username, credential.password.reveal()]
    : [credential.kind, credential.token.reveal()];
}

function here(text: string): unknown[] {
  return readDockerConfig(text).entries.map(({ place, keeper }) => [
    place.host,
    place.path,
    keeper.kind === "here" ? shown(keeper.credential) : [keeper.helper, keeper.server],
  ]);
}

test("auths hold a user and password in base64, apart, an identity token or a registry token", () => {
  const config = {
    auths: {
      "https://index.docker.io/v1/": { auth: base64("ada:pass:word") },
      "registry.corp:5000": { username: "bob", password: "p" },
      "acr.corp": { auth: base64("0000:x"), identitytoken: "refresh" },
      "tok.corp": { registrytoken: "bearer" },
      "https://gcr.io": {},
    },
  };
  assert.deepEqual(here(JSON.stringify(config)), [
    ["docker.io", "", ["ada", "pass:word"]],
    ["registry.corp:5000", "", ["bob", "p"]],
    ["acr.corp", "", ["identity-token", "refresh"]],
    ["tok.corp", "", ["registry-token", "bearer"]],
  ]);
  assert.deepEqual(readDockerConfig(JSON.stringify(config)).problems, []);
});

test("a .dockercfg is the bare map", () => {
  assert.deepEqual(here(JSON.stringify({ "quay.io/team": { auth: base64("a:b") } })), [["quay.io", "team", ["a", "b"]]]);
});

test("helpers are named for single registries and for all the others", () => {
  const config = readDockerConfig(JSON.stringify({ credHelpers: { "1.dkr.ecr.eu-1.amazonaws.com": "ecr-login" }, credsStore: "desktop" }));
  assert.equal(config.store, "desktop");
  assert.deepEqual(config.entries[0]?.keeper, { kind: "helper", helper: "ecr-login", server: "1.dkr.ecr.eu-1.amazonaws.com" });
});

test("what cannot be used is told with its key and without its value, and the rest is used", () => {
  const config = {
    auths: {
      "ok.corp": { auth: base64("a:b") },
      "bad.corp": { auth: "%%secret%%" },
      "half.corp": { password: "hidden-secret" },
      "no host": { auth: base64("a:b") },
      "list.corp": [],
    },
    credHelpers: { "x.corp": "../../bin/sh" },
    credsStore: "a b",
  };
  const { entries, problems, store } = readDockerConfig(JSON.stringify(config));
  assert.deepEqual(
    entries.map(({ place }) => place.host),
    ["ok.corp"],
  );
  assert.equal(store, undefined);
  assert.equal(problems.length, 6);
  for (const key of ["bad.corp", "half.corp", "no host", "list.corp", "x.corp", "credsStore"])
    assert.ok(
      problems.some((problem) => problem.includes(key)),
      key,
    );
  assert.ok(!problems.join().includes("secret"));
});

test("any text gives entries or problems, and never throws", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const { entries, problems } = readDockerConfig(text);
      assert.ok(Array.isArray(entries) && Array.isArray(problems));
    }),
    { numRuns: 500 },
  );
});

test("places: the path or below, a star for one label, Docker Hub's spellings, the closest first", () => {
  const place = (key: string): NonNullable<ReturnType<typeof parsePlace>> => parsePlace(key) ?? assert.fail(key);
  assert.ok(isFor(place("https://registry-1.docker.io/v2/"), { registry: "docker.io", name: "library/nginx" }));
  assert.ok(isFor(place("r.corp/team"), { registry: "r.corp", name: "team/app" }));
  assert.ok(isFor(place("r.corp/team"), { registry: "r.corp", name: "team" }));
  assert.ok(!isFor(place("r.corp/team"), { registry: "r.corp", name: "teammate/app" }));
  assert.ok(!isFor(place("r.corp"), { registry: "r.corp:5000", name: "a" }));
  assert.ok(isFor(place("*.azurecr.io"), { registry: "corp.azurecr.io", name: "a" }));
  assert.ok(!isFor(place("*.azurecr.io"), { registry: "a.b.azurecr.io", name: "a" }));
  assert.ok(isFor(place("pre*post.io"), { registry: "pre-x-post.io", name: "a" }));
  assert.ok(!isFor(place("aba*aba.io"), { registry: "aba.io", name: "a" }));
  const sorted = ["r.corp", "*.corp/team/app", "r.corp/team", "*.corp"].map(place).sort(byCloseness);
  assert.deepEqual(
    sorted.map(({ host, path }) => `${host}/${path}`),
    ["*.corp/team/app", "r.corp/team", "r.corp/", "*.corp/"],
  );
  for (const none of ["", "/", "http://", "a b", "-x", "r.corp/../x", "user@r.corp"]) assert.equal(parsePlace(none), undefined, none);
});
