import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readTarget } from "./target.ts";
import type { Endpoint } from "./target.ts";

const HEX = "a".repeat(64);

function endpoint(path: string): Endpoint {
  const target = readTarget(path);
  assert.ok(target.ok, `${path} is refused`);
  return target.value.endpoint;
}

function refusal(path: string): string {
  const target = readTarget(path);
  assert.ok(!target.ok, `${path} is accepted`);
  return `${String(target.problem.status)} ${target.problem.code}`;
}

test("case 1: a digest in upper case is refused, never normalised", () => {
  assert.equal(refusal(`/v2/x/blobs/sha256:${"A".repeat(64)}`), "400 DIGEST_INVALID");
  assert.equal(refusal(`/v2/x/blobs/SHA256:${HEX}`), "400 DIGEST_INVALID");
  assert.equal(refusal(`/v2/x/manifests/sha256:${"A".repeat(64)}`), "400 DIGEST_INVALID");
});

test("case 2: sha512 digests are read", () => {
  assert.equal(endpoint(`/v2/x/blobs/sha512:${"0".repeat(128)}`).kind, "blob");
});

test("case 3: known algorithms need their length, unknown ones pass", () => {
  for (const bad of [`sha512:${HEX}`, `sha256:${HEX.slice(1)}`, "sha256:", ":abc", "sha256:%zz", "a:b:c"]) {
    assert.equal(refusal(`/v2/x/blobs/${bad}`), "400 DIGEST_INVALID", bad);
  }
  for (const good of ["md5:abc", `blake3:${HEX}`, "sha256+b64u:AbC_-="]) {
    assert.equal(endpoint(`/v2/x/blobs/${good}`).kind, "blob", good);
    assert.equal(endpoint(`/v2/x/manifests/${good}`).kind, "manifest", good);
  }
});

test("case 4: a tag has at most 128 characters and starts with a word character", () => {
  assert.equal(endpoint(`/v2/x/manifests/${"t".repeat(128)}`).kind, "manifest");
  for (const bad of ["t".repeat(129), ".INVALID_MANIFEST_NAME", "-x", "a%2Fb"]) {
    assert.equal(refusal(`/v2/x/manifests/${bad}`), "404 MANIFEST_UNKNOWN", bad);
  }
});

test("case 5: names of any depth and names that look like endpoints are read from the right", () => {
  assert.deepEqual(endpoint("/v2/a/b/c/d/e/manifests/v1"), { kind: "manifest", name: "a/b/c/d/e", reference: "v1", digest: undefined });
  const digest = `sha256:${HEX}`;
  assert.deepEqual(endpoint(`/v2/x/manifests/y/blobs/${digest}`), { kind: "blob", name: "x/manifests/y", digest });
  assert.deepEqual(endpoint("/v2/tags/tags/list"), { kind: "tags", name: "tags" });
  assert.deepEqual(endpoint(`/v2/blobs/blobs/${digest}`), { kind: "blob", name: "blobs", digest });
  assert.deepEqual(endpoint("/v2/x/manifests/list"), { kind: "manifest", name: "x", reference: "list", digest: undefined });
});

test("case 6: the raw path is decoded once and holds nothing that could be collapsed", () => {
  assert.deepEqual(endpoint(`/v2/library%2Fnginx/blobs/sha256%3A${HEX}`), { kind: "blob", name: "library/nginx", digest: `sha256:${HEX}` });
  assert.equal(refusal("/v2/library%252Fnginx/manifests/v1"), "404 NAME_INVALID");
  assert.equal(refusal("/v2/x%zz/manifests/v1"), "404 NAME_INVALID");
  for (const bad of [
    "/v2/../x/manifests/v1",
    "/v2/%2e%2e/x/manifests/v1",
    "/v2//x/manifests/v1",
    "/v2/x\\y/manifests/v1",
    "/v2/x%00/manifests/v1",
  ]) {
    assert.equal(refusal(bad), "400 NAME_INVALID", bad);
  }
  assert.equal(refusal("/v2/ü/manifests/v1"), "400 NAME_INVALID");
  assert.equal(refusal("/v2/x/manifests/v1#frag"), "400 NAME_INVALID");
});

test("case 7: of an absolute-form target only path and query count", () => {
  const target = readTarget("http://evil.example:80/v2/x/tags/list?ns=quay.io");
  assert.deepEqual(target, { ok: true, value: { endpoint: { kind: "tags", name: "x" }, query: "ns=quay.io" } });
  assert.equal(refusal("ftp://evil/v2/x/tags/list"), "400 UNSUPPORTED");
  assert.equal(refusal("http://user:password@evil/v2/x/tags/list"), "400 UNSUPPORTED");
  assert.equal(refusal("evil.example:443"), "400 UNSUPPORTED");
  assert.equal(refusal("http://evil"), "404 UNSUPPORTED");
  assert.equal(refusal("*"), "400 UNSUPPORTED");
  assert.equal(refusal(""), "400 UNSUPPORTED");
});

test("case 8: names that are too long or in upper case are refused", () => {
  assert.equal(refusal(`/v2/${"a".repeat(256)}/manifests/v1`), "404 NAME_INVALID");
  assert.equal(refusal("/v2/Library/x/manifests/v1"), "400 NAME_INVALID");
});

test("case 10: /v2 is the ping with and without slash, an empty reference is not found", () => {
  assert.equal(endpoint("/v2").kind, "ping");
  assert.equal(endpoint("/v2/").kind, "ping");
  assert.equal(refusal("/v2/x/manifests/"), "404 MANIFEST_UNKNOWN");
  assert.equal(refusal("/v2/x/blobs/"), "404 BLOB_UNKNOWN");
  assert.equal(refusal("/v2/x/tags/list/"), "404 UNSUPPORTED");
});

test("case 88: unknown endpoints and everything outside /v2/ are not found", () => {
  for (const path of [
    "/",
    "/v1/_ping",
    "/v2x/",
    "/healthz",
    "/metrics",
    "/v2/_catalog",
    "/v2/_oci/ext/discover",
    "/v2/manifests/v1",
    "/v2/x",
  ]) {
    assert.equal(refusal(path), "404 UNSUPPORTED", path);
  }
});

const SOUP = fc.array(
  fc.constantFrom(
    "/v2/",
    "/",
    "x",
    "library",
    "manifests",
    "blobs",
    "tags",
    "list",
    "referrers",
    "sha256:",
    HEX,
    "%2F",
    "%",
    "..",
    "?ns=",
    "&",
    "\u0000",
    "é",
    "A",
  ),
  { maxLength: 12 },
);

test("any text is either refused with a 4xx or names a repository and reference that keep the grammar", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        SOUP.map((parts) => `/v2/${parts.join("")}`),
        SOUP.map((parts) => parts.join("/")),
        fc.string(),
      ),
      (raw) => {
        const target = readTarget(raw);
        if (!target.ok) return target.problem.status >= 400 && target.problem.status < 500;
        const { endpoint: found } = target.value;
        if (found.kind === "ping") return true;
        if (!/^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/.test(found.name) || found.name.includes("..") || found.name.includes("//")) return false;
        return found.kind === "tags" || !/[^\x21-\x7e]|[/%]/.test(found.kind === "manifest" ? found.reference : found.digest);
      },
    ),
    { numRuns: 2000 },
  );
});

test("every well-formed request is read back as it was built", () => {
  const segment = fc.stringMatching(/^[a-z0-9]{1,6}(?:[._-][a-z0-9]{1,4})?$/);
  const name = fc
    .array(fc.oneof(segment, fc.constantFrom("manifests", "blobs", "tags")), { minLength: 1, maxLength: 5 })
    .map((all) => all.join("/"));
  const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}$/);
  fc.assert(
    fc.property(name, tag, fc.stringMatching(/^[a-f0-9]{64}$/), (repository, reference, hex) => {
      const digest = `sha256:${hex}`;
      assert.deepEqual(endpoint(`/v2/${repository}/manifests/${reference}`), {
        kind: "manifest",
        name: repository,
        reference,
        digest: undefined,
      });
      assert.deepEqual(endpoint(`/v2/${repository}/blobs/${digest}`), { kind: "blob", name: repository, digest });
      assert.deepEqual(endpoint(`/v2/${repository}/referrers/${digest}`), { kind: "referrers", name: repository, digest });
      assert.deepEqual(endpoint(`/v2/${repository}/tags/list`), { kind: "tags", name: repository });
    }),
    { numRuns: 300 },
  );
});
