import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { helmBinary, openTempDir, type TempDir } from "@darner/testkit";
import { parseAllDocuments } from "yaml";
import { must, run } from "../../packages/cli/e2e/harness/shell.ts";
import { contentsOf, ROOT } from "./harness/built.ts";

// Seconds on a machine of its own; it writes a few hundred megabytes. Two of them in one test end before the runner ends the test.
const RELEASE_MS = 140_000;

let dir: TempDir;
let helm: string;
before(async () => {
  dir = await openTempDir();
  const cache = join(ROOT, ".tmp/helm");
  mkdirSync(cache, { recursive: true });
  helm = await helmBinary(4, cache);
});
after(() => dir[Symbol.asyncDispose]());

async function release(name: string, env: readonly string[], ...words: string[]): Promise<string> {
  const out = join(dir.path, name);
  const script = join(ROOT, "scripts/release.ts");
  const command = ["env", ...env, process.execPath, "--conditions=source", script, "--quick", "--out", out, ...words];
  await must(command, { timeoutMs: RELEASE_MS });
  return out;
}

const only = (...parts: string[]): string[] => parts.flatMap((part) => ["--only", part]);

test("a release made twice from one tree is the same to the last byte, and its checksums hold", async () => {
  const env = [`HELM=${helm}`, "SOURCE_DATE_EPOCH=1700000000"];
  const parts = only("deb", "sbom", "chart", "manifests");
  const [one, other] = [await release("one", env, ...parts), await release("other", env, ...parts)];
  assert.deepEqual(contentsOf(one), contentsOf(other));
  assert.deepEqual(Object.keys(contentsOf(one)).length, 5);
  await must(["sh", "-c", `cd ${one} && sha256sum --check --strict SHA256SUMS`]);
});

test("the bill of materials of the release names Node and what is shipped, nothing of the tools", () => {
  const bill = JSON.parse(readFileSync(join(dir.path, "one/darner-0.1.0.cdx.json"), "utf8")) as { components: { name: string }[] };
  const names = bill.components.map(({ name }) => name);
  for (const name of ["node", "@napi-rs/blake-hash", "classic-level", "undici", "@grpc/grpc-js", "zod"])
    assert.ok(names.includes(name), name);
  for (const name of ["typescript", "esbuild", "fast-check"]) assert.ok(!names.includes(name), name);
});

test("the plain manifests are whole: one namespace, everything else in it or of the cluster, the image of this version", () => {
  const text = readFileSync(join(dir.path, "one/darner-0.1.0-manifests.yaml"), "utf8");
  const objects = parseAllDocuments(text).flatMap((each) => {
    assert.deepEqual(each.errors, []);
    const object = each.toJS() as { kind: string; metadata: { namespace?: string } } | null;
    return object === null ? [] : [object];
  });
  const kinds = objects.map(({ kind }) => kind);
  for (const kind of ["Namespace", "DaemonSet", "StatefulSet", "ServiceAccount", "ConfigMap"]) assert.ok(kinds.includes(kind), kind);
  const outside = objects.filter(
    ({ kind, metadata }) => metadata.namespace !== "darner" && !/^(?:Namespace|Cluster.*|PriorityClass)$/.test(kind),
  );
  assert.deepEqual(outside, []);
  const images = [...text.matchAll(/^ +image: "?([^"\s]+)"?$/gm)].map((match) => match[1] ?? "");
  assert.ok(images.length >= 2);
  assert.deepEqual([...new Set(images)], ["ghcr.io/darner/darner:0.1.0"]);
});

test("a tarball runs where it is unpacked, from any folder", async () => {
  const out = await release("tarball", [], ...only("tarball"));
  const machine = process.arch === "arm64" ? "arm64" : "amd64";
  await must(["tar", "--extract", "--gzip", "--file", join(out, `darner-0.1.0-linux-${machine}.tar.gz`), "--directory", dir.path]);
  const program = join(dir.path, `darner-0.1.0-linux-${machine}/bin/darner`);
  await must(["ln", "-s", program, join(dir.path, "darner")]);
  assert.equal(await must(["env", "-i", "-C", "/", "PATH=/usr/bin:/bin", join(dir.path, "darner"), "version"]), "darner 0.1.0\n");
});

test("without Helm the chart is refused with what to do, and an unknown part is named", async () => {
  const script = join(ROOT, "scripts/release.ts");
  const words = (...more: string[]): string[] => [
    process.execPath,
    "--conditions=source",
    script,
    "--out",
    join(dir.path, "none"),
    ...more,
  ];
  const { ok, stderr } = await run(["env", "HELM=/nonexistent/helm", ...words("--only", "chart")]);
  assert.equal(ok, false);
  assert.match(stderr, /the chart needs Helm 3 or 4: there is no \/nonexistent\/helm; set HELM/);
  assert.match((await run(words("--only", "charts"))).stderr, /there is no part "charts": tarball, deb/);
});
