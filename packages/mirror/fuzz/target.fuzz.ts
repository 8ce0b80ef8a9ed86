import assert from "node:assert/strict";
import { isRegistryHost, isRepositoryName, isTag, parseDigest } from "@darner/domain";
import { latin1 } from "@darner/testkit";
import type { FuzzDice, FuzzTarget } from "@darner/testkit";
import { readScope } from "../src/request/scope.ts";
import { readTarget } from "../src/request/target.ts";

const HEX = "a".repeat(64);
const PARTS = [
  "/",
  "x",
  "library",
  "manifests",
  "blobs",
  "tags/list",
  "referrers",
  `sha256:${HEX}`,
  "v1",
  "%2F",
  "%252F",
  "..",
  "docker.io",
];
const WORDS = [
  ...PARTS,
  "?ns=",
  "&ns=",
  "n%73=",
  "quay.io",
  "127.0.0.1:80",
  "localhost",
  "reg_5000",
  "%00",
  "\\",
  "//",
  "http://u@h/",
  "%C0%AE",
  ".svc",
];
const RULES = {
  allow: (registry: string): boolean => !registry.startsWith("evil"),
  listed: new Set(["registry.local:5000", "127.0.0.1:5000"]),
  isOwn: (host: string): boolean => host === "127.0.0.1:4101",
  defaultRegistry: "docker.io",
};

function make(dice: FuzzDice): string {
  const name = ["x", ...dice.some(PARTS.slice(1, 6), 4)].join("/");
  const ends = [
    `manifests/v${String(dice.below(99))}`,
    `blobs/sha256:${HEX}`,
    "tags/list",
    `referrers/sha256:${HEX}`,
    `manifests/sha256:${HEX}`,
  ];
  const hosts = ["quay.io", "docker.io", "registry.local:5000", "evil.example", "10.0.0.1", "[::1]:80"];
  const query = dice.once(3) ? "" : `?ns=${dice.pick(hosts)}${dice.once(3) ? "&n=10" : ""}`;
  return `/v2/${dice.once(4) ? `${dice.pick(hosts)}/` : ""}${name}/${dice.pick(ends)}${query}`;
}

/**
 * The target of a request line: path, query and `ns`.
 * @public the runner finds it by the name of its file
 */
export const requestTarget: FuzzTarget = {
  name: "mirror-target",
  seeds: ["/v2/", "/v2/library/nginx/manifests/latest?ns=docker.io", `http://m/v2/x/blobs/sha256:${HEX}`, "*", ""],
  words: WORDS,
  make,
  check: (input) => {
    const target = readTarget(latin1(input));
    if (!target.ok) return `refused ${String(target.problem.status)} ${target.problem.code}`;
    const { endpoint, query } = target.value;
    if (endpoint.kind !== "ping") {
      assert.ok(isRepositoryName(endpoint.name) && !endpoint.name.includes(".."), endpoint.name);
      if (endpoint.kind === "manifest") assert.ok(isTag(endpoint.reference) || parseDigest(endpoint.reference).ok);
    }
    const { ns, refused, scope } = readScope(query, endpoint.kind === "ping" ? undefined : endpoint.name, RULES);
    assert.ok(ns === undefined || /^[\x21-\x7e]+$/.test(ns));
    if (!scope.ok) return `${endpoint.kind} out of scope ${String(scope.problem.status)} ${refused === undefined ? "" : "named"}`;
    const { registry, name } = scope.value;
    assert.ok(isRegistryHost(registry) && RULES.allow(registry) && !RULES.isOwn(registry), registry);
    assert.ok(
      RULES.listed.has(registry) || !/^[0-9.]+(?::|$)|(?:^|\.)localhost(?::|$)|\.(?:local|internal|svc)(?::|$)/.test(registry),
      registry,
    );
    assert.ok(name === undefined || registry.length + 1 + name.length <= 255);
    return `${endpoint.kind} ${ns === undefined ? "by path" : "by ns"} ${RULES.listed.has(registry) ? "listed" : ""}`;
  },
};
