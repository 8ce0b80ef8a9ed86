import assert from "node:assert/strict";
import { test } from "node:test";
import { withDefaults, type RegistryEntry } from "../config.ts";
import { upstreamOf } from "../wire/upstream.ts";
import { safeChallenges, safeRealm } from "./realm.ts";
import { registrableDomain } from "./registrable-domain.ts";

const allowed = (registry: string, realm: string, entry?: RegistryEntry): boolean =>
  safeRealm(upstreamOf(registry, withDefaults(entry === undefined ? {} : { registries: { [registry]: entry } })), realm) !== undefined;

test("the registrable part of a name, without the public suffix list", () => {
  const cases: [string, string | undefined][] = [
    ["ghcr.io", "ghcr.io"],
    ["docker-auth.elastic.co", "elastic.co"],
    ["registry.gitlab.com", "gitlab.com"],
    ["a.b.example.co.uk", "example.co.uk"],
    ["example.com.au", "example.com.au"],
    ["one.azurecr.io", undefined],
    ["1234.dkr.ecr.eu-west-1.amazonaws.com", undefined],
    ["com", undefined],
    ["co.uk", undefined],
    ["github.io", undefined],
    ["10.0.0.1", undefined],
    ["a..b", undefined],
  ];
  for (const [name, domain] of cases) assert.equal(registrableDomain(name), domain, name);
});

test("a realm of the registry's owner is followed", () => {
  assert.ok(allowed("ghcr.io", "https://ghcr.io/token"));
  assert.ok(allowed("registry.gitlab.com", "https://gitlab.com/jwt/auth"));
  assert.ok(allowed("docker.elastic.co", "https://docker-auth.elastic.co/auth"));
  assert.ok(allowed("docker.io", "https://auth.docker.io/token"));
  assert.ok(allowed("index.docker.io", "https://auth.docker.io/token"));
});

test("case 79: a stranger's realm is not followed", () => {
  for (const realm of [
    "https://evil.example/token",
    "https://ghcr.io.evil.example/token",
    "https://127.0.0.1/token",
    "https://localhost/token",
    "https://[::1]/token",
    "https://user@ghcr.io/token",
    "https://user:pw@ghcr.io/token",
    "ftp://ghcr.io/token",
    "javascript:alert(1)",
    "/token",
    "",
  ]) {
    assert.equal(allowed("ghcr.io", realm), false, realm);
  }
  assert.equal(allowed("one.azurecr.io", "https://other.azurecr.io/token"), false);
  assert.equal(allowed("quay.io", "https://auth.docker.io/token"), false);
});

test("an http realm is followed for an http registry only", () => {
  assert.equal(allowed("ghcr.io", "http://ghcr.io/token"), false);
  assert.ok(allowed("registry.local:5000", "http://registry.local:5001/token", { plainHttp: true }));
  assert.equal(allowed("registry.local:5000", "http://registry.local:5001/token", {}), false);
});

test("realms the operator listed are followed: a host, a host with port, a URL prefix", () => {
  const entry = (realm: string): RegistryEntry => ({ realms: [realm] });
  assert.ok(allowed("harbor.corp", "https://sso.other/realms/x/token", entry("sso.other")));
  assert.ok(allowed("harbor.corp", "https://sso.other:8443/t", entry("sso.other:8443")));
  assert.equal(allowed("harbor.corp", "https://sso.other:8443/t", entry("sso.other")), false);
  assert.ok(allowed("harbor.corp", "https://sso.other/realms/x/token", entry("https://sso.other/realms/x")));
  assert.equal(allowed("harbor.corp", "https://sso.other/realms/xy", entry("https://sso.other/realms/x")), false);
  assert.equal(allowed("harbor.corp", "https://sso.corp/token", {}), false);
});

test("challenges are shown as they came, but for those with a stranger's realm", () => {
  const upstream = upstreamOf("ghcr.io", withDefaults({}));
  const good = `BEARER Realm="https://ghcr.io/token" , service=ghcr.io`;
  const basic = `Basic realm="GitHub Packages"`;
  const bad = `Bearer realm="https://evil.example/token"`;
  assert.deepEqual(safeChallenges(upstream, [good, basic, bad, `${basic}, ${bad}`]), [good, basic]);
});
