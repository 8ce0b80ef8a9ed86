import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readScope } from "./scope.ts";
import type { ScopeRules } from "./scope.ts";

const RULES: ScopeRules = {
  defaultRegistry: "docker.io",
  allow: (registry) => registry !== "forbidden.example",
  listed: new Set(["registry.local:5000", "10.0.0.5:5000", "harbor.corp", "registry:5000"]),
  isOwn: (host) => host === "127.0.0.1:4101" || host === "10.0.0.5:5001",
};

function scope(query: string, name: string, rules: Partial<ScopeRules> = {}): string {
  const found = readScope(query, name, { ...RULES, ...rules }).scope;
  return found.ok ? `${found.value.registry} ${found.value.name ?? ""}` : `${String(found.problem.status)} ${found.problem.code}`;
}

test("case 9: single names of Docker Hub are in library/, those of other registries are not", () => {
  assert.equal(scope("ns=docker.io", "nginx"), "docker.io library/nginx");
  assert.equal(scope("ns=registry-1.docker.io", "nginx"), "docker.io library/nginx");
  assert.equal(scope("ns=index.docker.io", "a/b"), "docker.io a/b");
  assert.equal(scope("ns=quay.io", "nginx"), "quay.io nginx");
});

test("case 12: without ns the default registry is meant, or none", () => {
  assert.equal(scope("", "nginx"), "docker.io library/nginx");
  assert.equal(scope("", "nginx", { defaultRegistry: undefined }), "404 NAME_UNKNOWN");
  assert.equal(scope("", "nginx", { defaultRegistry: "forbidden.example" }), "404 NAME_UNKNOWN");
});

test("case 13: addresses in every spelling and internal names are refused unless listed", () => {
  const inside = [
    "127.0.0.1:6443",
    "localhost",
    "localhost:5000",
    "a.localhost",
    "169.254.169.254",
    "metadata.google.internal",
    "10.1.2.3",
  ];
  const more = [
    "0.0.0.0",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "127.1",
    "017700000001",
    "api.default.svc.cluster.local",
    "kubernetes.default.svc",
  ];
  for (const ns of [...inside, ...more]) assert.equal(scope(`ns=${ns}`, "a/b"), "404 NAME_UNKNOWN", ns);
  for (const ns of ["[::1]", "[::ffff:127.0.0.1]:5000", "[::]"]) assert.equal(scope(`ns=${ns}`, "a/b"), "400 NAME_INVALID", ns);
  assert.equal(scope("ns=10.0.0.5:5000", "a/b"), "10.0.0.5:5000 a/b");
  assert.equal(scope("ns=10.0.0.5", "a/b"), "404 NAME_UNKNOWN");
});

test("case 15: what is no host and port is malformed", () => {
  const bad = [
    "https://ghcr.io",
    "user:pw@ghcr.io",
    "ghcr.io/path",
    "ghcr.io%23x",
    "ghcr.io%00",
    "ghcr.io.",
    "b%C3%BCcher.example",
    "GHCR.io",
    "",
  ];
  for (const ns of [...bad, "ghcr.io%", "a..b", "-a.b", "a_b.c", "ghcr.io:0", "ghcr.io:99999", "ghcr.io%20", "a+b.c"]) {
    assert.equal(scope(`ns=${ns}`, "a/b"), "400 NAME_INVALID", ns);
  }
  assert.equal(scope("ns", "a/b"), "400 NAME_INVALID");
});

test("case 16: a port may be percent-encoded", () => {
  assert.equal(scope("ns=reg:5000", "a/b"), "reg:5000 a/b");
  assert.equal(scope("ns=reg%3A5000", "a/b"), "reg:5000 a/b");
});

test("case 17: two namespaces that differ are refused, the same one twice is not", () => {
  assert.equal(scope("ns=quay.io&ns=ghcr.io", "a/b"), "400 NAME_INVALID");
  assert.equal(scope("ns=quay.io&x=1&ns=quay.io", "a/b"), "quay.io a/b");
  assert.equal(scope("ns=quay.io&n%73=ghcr.io", "a/b"), "400 NAME_INVALID");
  assert.equal(scope("ns=ghcr.io", "docker.io/library/x"), "400 NAME_INVALID");
  assert.equal(scope("ns=docker.io", "docker.io/library/x"), "docker.io library/x");
  assert.equal(scope("ns=harbor.corp", "docker.io/library/x"), "harbor.corp docker.io/library/x", "a proxy project of a listed registry");
});

test("case 17: a request for the mirror itself is not found", () => {
  assert.equal(scope("ns=127.0.0.1:4101", "a/b"), "404 NAME_UNKNOWN");
  assert.equal(scope("ns=10.0.0.5:5001", "a/b"), "404 NAME_UNKNOWN");
});

test("podman's form: the first segment names the registry where it holds a dot or is a listed alias", () => {
  assert.equal(scope("", "docker.io/library/x"), "docker.io library/x");
  assert.equal(scope("", "quay.io/a/b"), "quay.io a/b");
  assert.equal(scope("", "registry.local_5000/a"), "registry.local:5000 a");
  assert.equal(scope("", "registry_5000/a"), "registry:5000 a");
  assert.equal(scope("", "unlisted_5000/a"), "docker.io unlisted_5000/a");
  assert.equal(scope("", "10.1.2.3_5000/a"), "404 NAME_UNKNOWN");
  assert.equal(scope("", "10.1.2.3/a"), "404 NAME_UNKNOWN");
  assert.equal(scope("", "forbidden.example/a"), "404 NAME_UNKNOWN");
  assert.equal(scope("", "docker.io"), "docker.io library/docker.io");
});

test("a registry the operator does not allow is not found and told by name", () => {
  const found = readScope("ns=forbidden.example", "a/b", RULES);
  assert.equal(found.refused, "forbidden.example");
  assert.equal(found.ns, "forbidden.example");
  assert.equal(found.scope.ok, false);
});

test("case 8: registry and name together have at most 255 characters", () => {
  assert.equal(scope("ns=quay.io", "a".repeat(247)), `quay.io ${"a".repeat(247)}`);
  assert.equal(scope("ns=quay.io", "a".repeat(248)), "404 NAME_INVALID");
});

test("whatever stands in ns, a registry that comes out is a plain host name that was asked for", () => {
  const pieces = fc.constantFrom(
    "a",
    "b.c",
    "ghcr.io",
    ".",
    ":",
    "5000",
    "127",
    "0x7f",
    "localhost",
    "%",
    "%3A",
    "@",
    "/",
    "#",
    "\\",
    " ",
    "é",
    "A",
    "-",
    "_",
    "[",
    "]",
  );
  const soup = fc.oneof(
    fc.array(pieces, { maxLength: 6 }).map((parts) => parts.join("")),
    fc.string(),
  );
  fc.assert(
    fc.property(soup, (ns) => {
      const { scope: found, ns: echo } = readScope(`ns=${ns}`, "a/b", RULES);
      if (echo !== undefined && !/^[a-z0-9.:-]+$/.test(echo)) return false;
      if (!found.ok) return found.problem.status === 400 || found.problem.status === 404;
      const { registry } = found.value;
      if (RULES.listed.has(registry) || ns.includes("&")) return true;
      // A host that an address parser would take for an address must not come through.
      return /^[a-z0-9.-]+(?::[0-9]+)?$/.test(registry) && !/^[0-9.]+$/.test(new URL(`http://${registry}`).hostname);
    }),
    { numRuns: 3000 },
  );
});
