import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { digestOf } from "./digest.ts";
import { isRegistryHost, isRepositoryName, isTag, normalRegistry, parseReference } from "./repository.ts";

const digest = digestOf(`sha256:${"a".repeat(64)}`);
const LOWER = Array.from("abcdefghijklmnopqrstuvwxyz0123456789");
const word = fc.string({ unit: fc.constantFrom(...LOWER), minLength: 1, maxLength: 8 });
const part = fc
  .tuple(word, fc.array(fc.tuple(fc.constantFrom(".", "_", "__", "-", "---"), word), { maxLength: 2 }))
  .map(([first, rest]) => first + rest.flat().join(""));
const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const tag = fc
  .tuple(fc.constantFrom(...LOWER, "_", "Z"), fc.string({ unit: fc.constantFrom(...LOWER, ".", "_", "-", "V"), maxLength: 127 }))
  .map((parts) => parts.join(""));
const registry = fc.tuple(
  fc.constantFrom("localhost", "registry.local", "10.0.0.1", "a-b.example"),
  fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined }),
);
const host = registry.map(([domain, port]) => (port === undefined ? domain : `${domain}:${String(port)}`));

test("every name of the grammar is a repository name, every tag of the grammar a tag, every host with a port a registry", () => {
  fc.assert(fc.property(name, tag, host, (aName, aTag, aHost) => isRepositoryName(aName) && isTag(aTag) && isRegistryHost(aHost)));
});

test("a reference put together from its parts comes apart into the same parts", () => {
  const parts = fc.record({ host, name, tag: fc.option(tag, { nil: undefined }), pinned: fc.boolean() });
  fc.assert(
    fc.property(parts, (from) => {
      const text = `${from.host}/${from.name}${from.tag === undefined ? "" : `:${from.tag}`}${from.pinned ? `@${digest}` : ""}`;
      const expected = {
        registry: from.host,
        name: from.name,
        ...(from.tag !== undefined && { tag: from.tag }),
        ...(from.pinned && { digest }),
      };
      assert.deepEqual(parseReference(text), from.tag === undefined && !from.pinned ? { ...expected, tag: "latest" } : expected);
    }),
  );
});

test("whatever text comes, the parser answers, and what it accepts is made of valid parts", () => {
  const noise = fc.string({ unit: fc.constantFrom(...Array.from("aZ0./:@_-%[] \n?#")), maxLength: 40 });
  fc.assert(
    fc.property(fc.oneof(fc.string(), noise), (text) => {
      const reference = parseReference(text);
      if (reference === undefined) return;
      assert.ok(isRegistryHost(reference.registry) && isRepositoryName(reference.name));
      assert.ok(reference.tag === undefined || isTag(reference.tag));
      assert.ok(reference.tag !== undefined || reference.digest !== undefined);
    }),
  );
});

test("short names are Docker Hub's, as containerd and Docker read them", () => {
  const hub = { registry: "docker.io" };
  assert.deepEqual(parseReference("nginx"), { ...hub, name: "library/nginx", tag: "latest" });
  assert.deepEqual(parseReference("nginx:1.27"), { ...hub, name: "library/nginx", tag: "1.27" });
  assert.deepEqual(parseReference("grafana/grafana"), { ...hub, name: "grafana/grafana", tag: "latest" });
  assert.deepEqual(parseReference("docker.io/nginx"), { ...hub, name: "library/nginx", tag: "latest" });
  assert.deepEqual(parseReference("index.docker.io/library/nginx"), { ...hub, name: "library/nginx", tag: "latest" });
  assert.deepEqual(parseReference(`nginx@${digest}`), { ...hub, name: "library/nginx", digest });
  assert.deepEqual(parseReference("localhost/nginx"), { registry: "localhost", name: "nginx", tag: "latest" });
  assert.deepEqual(parseReference("registry:5000/a/b:c"), { registry: "registry:5000", name: "a/b", tag: "c" });
});

test("what is no reference is refused: no name, two tags, a bad digest, a scheme, an escape, upper case in the name", () => {
  const bad = [
    "",
    "/",
    ":",
    "@",
    "a:",
    "a:b:c",
    "a@",
    "a@sha256:abc",
    "a@b@c",
    `@${digest}`,
    "https://ghcr.io/a",
    "ghcr.io/",
    "ghcr.io//a",
    "ghcr.io/a/",
    "a/../b",
    "ghcr.io/A",
    "a b",
    "a%2fb",
    "registry:0/a",
    "registry:99999/a",
  ];
  for (const text of bad) assert.equal(parseReference(text), undefined, JSON.stringify(text));
});

test("host names: lower case, no scheme, user, path or trailing dot, ports from 1 to 65535", () => {
  for (const good of ["docker.io", "localhost", "localhost:5000", "10.0.0.1:65535", "xn--bcher-kva.example", "a".repeat(63)])
    assert.ok(isRegistryHost(good), good);
  const bad = [
    "",
    ".",
    "a.",
    ".a",
    "a..b",
    "-a",
    "a-",
    "Docker.io",
    "user@a",
    "a/b",
    "a:0",
    "a:65536",
    "a:",
    "a:b",
    "https://a",
    "a#b",
    "a b",
    "a\n",
    "a%00",
    "[::1]",
    "a".repeat(64),
    `${"a.".repeat(127)}aa`,
  ];
  for (const text of bad) assert.equal(isRegistryHost(text), false, JSON.stringify(text));
});

test("names and tags have their lengths: 255 and 128 characters", () => {
  assert.deepEqual([isRepositoryName("a".repeat(255)), isRepositoryName("a".repeat(256))], [true, false]);
  assert.deepEqual(
    [isTag("a".repeat(128)), isTag("a".repeat(129)), isTag(""), isTag(".a"), isTag("-a")],
    [true, false, false, false, false],
  );
  for (const bad of ["", "a//b", "/a", "a/", "a_", "_a", "a___b", "a..b", "a._b", "A", "a\n"])
    assert.equal(isRepositoryName(bad), false, JSON.stringify(bad));
});

test("a name made to be slow for a backtracking expression is answered like any other", () => {
  const slow = [`${"a-".repeat(127)}/`, `${"a".repeat(254)}!`, "a_a__a-".repeat(36), `${"a/".repeat(127)}A`];
  assert.deepEqual(slow.map(isRepositoryName), [false, false, false, false]);
  assert.equal(isRegistryHost(`${"a-".repeat(126)}.`), false);
});

test("Docker Hub has one name", () => {
  for (const alias of ["docker.io", "index.docker.io", "registry-1.docker.io"]) assert.equal(normalRegistry(alias), "docker.io");
  assert.equal(normalRegistry("ghcr.io"), "ghcr.io");
});
