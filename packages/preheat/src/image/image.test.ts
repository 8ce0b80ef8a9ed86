import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parsePlatform, readManifest, type Digest } from "@darner/domain";
import { openRegistryClient, type ManifestBody } from "@darner/registry-client";
import { buildImage, capturedLog, noLeaks, openScriptedRegistry, randomBlob, sha256Of, type ScriptedRegistry } from "@darner/testkit";
import { choosePlatforms } from "./choose-platforms.ts";
import { ImageError, resolveImage, type ImageContents } from "./resolve-image.ts";

noLeaks();

const INDEX = "application/vnd.oci.image.index.v1+json";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

type Bench = AsyncDisposable & {
  readonly registry: ScriptedRegistry;
  resolve(tag: string, platforms?: readonly string[]): Promise<ImageContents>;
  /** Pushes JSON as a manifest and gives its descriptor. */
  push(value: object, tag?: string): { mediaType: string; digest: Digest; size: number };
};

async function openBench(): Promise<Bench> {
  const registry = await openScriptedRegistry();
  const client = openRegistryClient({ registries: { [registry.host]: { plainHttp: true } } }, { log: capturedLog() });
  const manifests = new Map<string, ManifestBody>();
  const signal = new AbortController().signal;
  return {
    registry,
    resolve: (tag, platforms) =>
      resolveImage({ repository: { registry: registry.host, name: "team/app" }, tag }, platforms, {
        client,
        authority: { kind: "anonymous" },
        manifests,
        underWay: new Map(),
        signal,
      }),
    push: (value, tag) => {
      const bytes = new TextEncoder().encode(JSON.stringify(value));
      const mediaType = (value as { mediaType?: string }).mediaType ?? MANIFEST;
      const blob = { digest: sha256Of(bytes), size: bytes.length, mediaType, bytes };
      registry.content.pushManifest("team/app", blob, tag);
      return { mediaType, digest: blob.digest, size: blob.size };
    },
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await registry.close();
    },
  };
}

const blob = (seed: string, size = 100): { mediaType: string; digest: Digest; size: number } => ({
  mediaType: "application/vnd.oci.image.layer.v1.tar",
  digest: randomBlob(seed, size).digest,
  size,
});

/** An image whose blobs are named and not pushed: resolving reads manifests alone. */
function imageOf(seed: string): { mediaType: string; config: object; layers: object[] } {
  return { mediaType: MANIFEST, config: blob(`${seed} config`), layers: [blob(`${seed} one`), blob(`${seed} two`), blob(`${seed} one`)] };
}

test("an index comes to the wanted platforms: index, manifest, config, layers, each once, and each manifest is asked for once", async () => {
  await using bench = await openBench();
  const children = ["linux/amd64", "linux/arm64/v8", "unknown/unknown"].map((platform) => {
    const [os, architecture, variant] = platform.split("/");
    return { ...bench.push(imageOf(platform)), platform: { os, architecture, ...(variant && { variant }) } };
  });
  bench.push({ mediaType: INDEX, manifests: children }, "v1");
  const resolved = await bench.resolve("v1", ["linux/arm64"]);
  assert.deepEqual(resolved.image.platforms, ["linux/arm64/v8"]);
  assert.deepEqual(resolved.image.otherPlatforms, ["linux/amd64"]);
  assert.deepEqual(
    resolved.contents.map(({ kind }) => kind),
    ["manifest", "manifest", "blob", "blob", "blob"],
  );
  assert.equal(
    resolved.image.bytes,
    resolved.contents.reduce((sum, { size }) => sum + size, 0),
  );
  await bench.resolve("v1", ["linux/amd64", "linux/arm64"]);
  const gets = bench.registry.requests.filter(({ method, kind }) => method === "GET" && kind === "manifest");
  assert.equal(gets.length, 3, "the index and two manifests, each once over both");
});

test("an image without an index, an artifact, a signature, an image without layers and Docker's two schemas are all read", async () => {
  await using bench = await openBench();
  bench.push(imageOf("plain"), "plain");
  bench.push(
    {
      mediaType: MANIFEST,
      artifactType: "application/vnd.cncf.model.manifest.v1+json",
      config: blob("c"),
      layers: [blob("weights", 5000)],
    },
    "model",
  );
  bench.push({ mediaType: MANIFEST, config: blob("c"), layers: [] }, "empty");
  const layer = bench.registry.content.pushBlob("team/app", randomBlob("old", 321).bytes);
  bench.push(
    { mediaType: "application/vnd.docker.distribution.manifest.v1+json", fsLayers: [{ blobSum: layer.digest }], history: [] },
    "schema1",
  );
  const count = async (tag: string): Promise<number[]> => (await bench.resolve(tag)).contents.map(({ size }) => size).slice(1);
  assert.deepEqual(await count("plain"), [100, 100, 100]);
  assert.deepEqual(await count("model"), [100, 5000]);
  assert.deepEqual(await count("empty"), [100]);
  assert.deepEqual(await count("schema1"), [321], "its size is asked of the registry");
  const docker = buildImage({ layers: [{ bytes: 10, seed: 1 }], kind: "docker" });
  bench.registry.content.push("team/app", docker, "docker");
  assert.equal((await bench.resolve("docker")).contents.length, 4);
});

test("foreign layers are left out and told of", async () => {
  await using bench = await openBench();
  const foreign = { ...blob("windows"), mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", urls: ["https://x"] };
  bench.push({ mediaType: MANIFEST, config: blob("c"), layers: [foreign, blob("own")] }, "v1");
  const { contents, image } = await bench.resolve("v1");
  assert.equal(contents.length, 3);
  assert.match(image.notes[0] ?? "", /1 layers of .*team\/app:v1 are not at the registry/);
});

test("a platform that is wanted and not there, beside one that is, is told of", async () => {
  await using bench = await openBench();
  const amd = { ...bench.push(imageOf("amd")), platform: { os: "linux", architecture: "amd64" } };
  bench.push({ mediaType: INDEX, manifests: [amd] }, "v1");
  const { image } = await bench.resolve("v1", ["linux/amd64", "linux/arm64"]);
  assert.match(image.notes[0] ?? "", /team\/app:v1 has nothing for linux\/arm64: hosts of that platform are left out/);
});

test("what cannot be warmed is a sentence: the image, what is wrong, what there is", async () => {
  await using bench = await openBench();
  const why = async (tag: string, platforms?: string[]): Promise<string> => {
    const error: unknown = await bench.resolve(tag, platforms).catch((reason: unknown) => reason);
    assert.ok(error instanceof ImageError, String(error));
    return error.message;
  };
  bench.push(
    { mediaType: INDEX, manifests: [{ ...bench.push(imageOf("a")), platform: { os: "windows", architecture: "amd64" } }] },
    "windows",
  );
  assert.match(
    await why("windows", ["linux/amd64"]),
    /team\/app:windows: there is nothing for linux\/amd64; the image has only windows\/amd64/,
  );
  assert.match(await why("gone"), /does not have it \(404\)/);
  bench.push({ mediaType: MANIFEST, config: { digest: "sha256:short" }, layers: [] }, "broken");
  assert.match(await why("broken"), /well-formed digest/);
  bench.push({ hello: 1 }, "other");
  assert.match(await why("other"), /neither manifests nor layers/);
  bench.registry.fault({ do: { kind: "status", status: 401 } });
  assert.match(await why("plain"), /refuses the credential \(401\)/);
});

test("platforms are written in many ways and mean the same", () => {
  assert.equal(parsePlatform("linux/aarch64"), "linux/arm64");
  assert.equal(parsePlatform("Linux/x86_64"), "linux/amd64");
  assert.equal(parsePlatform("linux"), undefined);
  const arm = ["linux/arm/v6", "linux/arm/v7", "linux/arm64", "linux/amd64/v3"].map((platform) => ({ ...blob(platform), platform }));
  const chosen = (wanted: string): string[] => choosePlatforms(arm, [wanted]).platforms.slice();
  assert.deepEqual(chosen("linux/arm/v7"), ["linux/arm/v7"]);
  assert.deepEqual(chosen("linux/arm/v8"), ["linux/arm/v7"], "the closest lower one");
  assert.deepEqual(chosen("linux/arm64/v8"), ["linux/arm64"]);
  assert.deepEqual(chosen("linux/amd64"), [], "v3 does not run on every amd64");
});

test("any bytes are a manifest or a reason, never an exception", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => new TextEncoder().encode(text)),
      ),
      (bytes) => {
        assert.ok(["index", "image", "unreadable"].includes(readManifest(new TextDecoder().decode(bytes)).kind));
      },
    ),
    { numRuns: 500 },
  );
});
