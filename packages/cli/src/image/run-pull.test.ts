import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import {
  buildImage,
  fixtureBlob,
  noLeaks,
  openScriptedRegistry,
  openTempDir,
  sha256Of,
  type BuiltImage,
  type FixtureBlob,
  type ScriptedRegistry,
  type TempDir,
} from "@darner/testkit";
import { runHere, type Ran, type World } from "../../test/run-here.ts";
import { ownPlatform } from "./own-platform.ts";

// To the command a mirror is a registry that is told with `ns` which one is meant: the scripted registry answers as one, faults included.
let mirror: ScriptedRegistry;
let dir: TempDir;
before(async () => void (mirror = await openScriptedRegistry()));
after(() => mirror.close());
beforeEach(async () => void (dir = await openTempDir()));
afterEach(async () => {
  mirror.clearFaults();
  mirror.requests.length = 0;
  await dir[Symbol.asyncDispose]();
});
noLeaks();

const layers = [
  { bytes: 300_000, seed: "pull 1" },
  { bytes: 100_000, seed: "pull 2" },
];
const image = buildImage({ layers });
const other = buildImage({ layers: [{ bytes: 50_000, seed: "pull 3" }] });
const layout = (): string => join(dir.path, "layout");
const blobPath = (digest: string): string => join(layout(), "blobs", digest.replace(":", "/"));

function pull(name: string, flags: readonly string[] = ["-o", `oci:${layout()}`], world: World = {}): Promise<Ran> {
  return runHere(["pull", `registry.example/${name}`, "--mirror", mirror.host, ...flags], world);
}

/** An index that names one image for each platform. */
function indexOf(platforms: readonly (readonly [string, BuiltImage])[]): FixtureBlob {
  const manifests = platforms.map(([platform, { manifest }]) => {
    const [os, architecture, variant] = platform.split("/");
    return { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.size, platform: { os, architecture, variant } };
  });
  return fixtureBlob(new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, manifests })), "application/vnd.oci.image.index.v1+json");
}

function assertWhole(parts: readonly FixtureBlob[]): void {
  for (const { digest } of parts) assert.equal(sha256Of(readFileSync(blobPath(digest))), digest);
  assert.deepEqual(globSync(join(layout(), "**/*.partial")), []);
}

test("an image becomes an OCI layout: every blob under its digest, the image named by its tag", async () => {
  mirror.content.push("team/app", image, "v1");
  const { code, out, err } = await pull("team/app:v1");
  assert.equal(err, "");
  assert.equal(code, 0);
  assert.equal(out, `${image.index.digest} ${(400_000 / 1024 + image.config.size / 1024).toFixed(1)} KiB in 3 blobs\n`);
  assertWhole([image.manifest, image.config, ...image.layers]);
  assert.equal(readFileSync(join(layout(), "oci-layout"), "utf8"), '{"imageLayoutVersion":"1.0.0"}\n');
  const index = JSON.parse(readFileSync(join(layout(), "index.json"), "utf8")) as { manifests: unknown };
  const { mediaType, digest, size } = image.manifest;
  assert.deepEqual(index.manifests, [{ mediaType, digest, size, annotations: { "org.opencontainers.image.ref.name": "v1" } }]);
  assert.ok(
    mirror.requests.every(({ query }) => query === "ns=registry.example"),
    "the mirror is told which registry is meant",
  );
});

test("skopeo reads the layout", { skip: spawnSync("skopeo", ["--version"]).status === 0 ? false : "skopeo is not installed" }, async () => {
  mirror.content.push("team/app", image, "v1");
  await pull("team/app:v1");
  for (const flags of [[], ["--all-platforms"]]) {
    await pull("team/app:v1", ["-o", `oci:${layout()}`, ...flags]);
    const { status, stdout, stderr } = spawnSync("skopeo", ["inspect", `oci:${layout()}:v1`], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    assert.deepEqual(
      (JSON.parse(stdout) as { Layers: unknown }).Layers,
      image.layers.map(({ digest }) => digest),
    );
  }
});

test("--json tells digest, manifest and bytes to programs, on standard output alone", async () => {
  mirror.content.push("team/app", image, "v1");
  const { out, err } = await pull("team/app:v1", ["--json"]);
  assert.equal(err, "");
  assert.deepEqual(JSON.parse(out), {
    digest: image.index.digest,
    manifest: image.manifest.digest,
    mediaType: image.manifest.mediaType,
    blobs: 3,
    bytes: 400_000 + image.config.size,
  });
});

test("of an index the image for the platform is taken, this machine's by default", async () => {
  const index = indexOf([
    ["linux/s390x", other],
    [ownPlatform(), image],
    ["unknown/unknown", other],
  ]);
  mirror.content.push("team/multi", image);
  mirror.content.push("team/multi", other);
  mirror.content.pushManifest("team/multi", index, "v1");
  await pull("team/multi:v1");
  assertWhole([image.manifest, ...image.layers]);
  assert.ok(!existsSync(blobPath(other.manifest.digest)));
  const chosen = JSON.parse((await pull("team/multi:v1", ["--platform", "linux/s390x", "--json"])).out) as {
    digest: string;
    manifest: string;
  };
  assert.deepEqual([chosen.digest, chosen.manifest], [index.digest, other.manifest.digest]);
});

test("a variant is chosen as containerd does: the one that is asked for, the usual one where none is, a lower one where it is missing", async () => {
  const index = indexOf([
    ["linux/arm/v6", other],
    ["linux/arm/v7", image],
  ]);
  mirror.content.push("team/arm", image);
  mirror.content.push("team/arm", other);
  mirror.content.pushManifest("team/arm", index, "v1");
  const manifestFor = async (platform: string): Promise<string> =>
    (JSON.parse((await pull("team/arm:v1", ["--platform", platform, "--json"])).out) as { manifest: string }).manifest;
  assert.equal(await manifestFor("linux/arm/v7"), image.manifest.digest);
  assert.equal(await manifestFor("linux/arm"), image.manifest.digest);
  assert.equal(await manifestFor("linux/arm/v6"), other.manifest.digest);
});

test("--all-platforms writes the index with every image in it", async () => {
  const index = indexOf([
    ["linux/s390x", other],
    ["linux/amd64", image],
  ]);
  mirror.content.push("team/multi", image);
  mirror.content.push("team/multi", other);
  mirror.content.pushManifest("team/multi", index, "all");
  assert.equal((await pull("team/multi:all", ["-o", `oci:${layout()}`, "--all-platforms"])).code, 0);
  assertWhole([index, image.manifest, ...image.layers, other.manifest, ...other.layers]);
});

test("an image that is not made for the platform says for which it is", async () => {
  mirror.content.pushManifest(
    "team/multi",
    indexOf([
      ["linux/s390x", other],
      ["linux/arm/v7", other],
    ]),
    "far",
  );
  const { code, err, out } = await pull("team/multi:far", ["--platform", "windows/amd64"]);
  assert.equal(code, 1);
  assert.equal(out, "");
  assert.match(err, /not made for windows\/amd64; it has linux\/s390x, linux\/arm\/v7: choose one with --platform/);
});

test("a stream that ends short is resumed where it broke off", async () => {
  mirror.content.push("team/app", image, "v1");
  const cut = mirror.fault({
    when: { kind: "blob", path: image.layers[0]?.digest ?? "" },
    times: 1,
    do: { kind: "cut", afterBytes: 70_000 },
  });
  const { code, err } = await pull("team/app:v1");
  assert.equal(err, "");
  assert.equal(code, 0);
  assert.equal(cut.struck, 1);
  const ranges = mirror.requests.flatMap(({ range }) => (range === undefined ? [] : [Number(/^bytes=(\d+)-$/.exec(range)?.[1])]));
  // The connection breaks off: its last bytes may be lost on the way, but what arrived is not asked for again.
  assert.ok(ranges.length === 1 && ranges.every((first) => first > 0 && first <= 70_000), ranges.join());
  assertWhole(image.layers);
});

test("a stream that never gets further fails after a few tries, and leaves no part of a blob", async () => {
  mirror.content.push("team/app", image, "v1");
  mirror.fault({ when: { kind: "blob", path: image.layers[0]?.digest ?? "" }, do: { kind: "cut", afterBytes: 0 } });
  const { code, err } = await pull("team/app:v1");
  assert.equal(code, 1);
  assert.match(err, /broke off after 0 bytes and could not be resumed/);
  assert.deepEqual(globSync(join(layout(), "**/*.partial")), []);
  assert.ok(!existsSync(join(layout(), "index.json")), "the layout does not name an image that is not there");
});

test("wrong bytes are an error, and nothing of them is left", async () => {
  mirror.content.push("team/app", image, "v1");
  const digest = image.layers[0]?.digest ?? "";
  mirror.fault({ when: { kind: "blob", path: digest }, do: { kind: "corrupt", offset: 299_999 } });
  const { code, err, out } = await pull("team/app:v1");
  assert.equal(code, 1);
  assert.equal(out, "");
  assert.equal(err, `darner: the bytes that came are not ${digest}\n`);
  assert.ok(!existsSync(blobPath(digest)));
  assert.deepEqual(globSync(join(layout(), "**/*.partial")), []);
  assert.ok(!existsSync(join(layout(), "index.json")));
});

test("a wrong manifest is an error before anything is written", async () => {
  mirror.content.push("team/app", image, "v1");
  mirror.fault({ when: { kind: "manifest" }, do: { kind: "corrupt", offset: 5 } });
  const { code, err } = await pull("team/app:v1");
  assert.equal(code, 1);
  assert.match(err, /the bytes that came are not sha256:/);
  assert.ok(!existsSync(layout()));
});

test("a manifest that breaks off is told as such", async () => {
  mirror.content.push("team/app", image, "v1");
  mirror.fault({ when: { kind: "manifest" }, do: { kind: "cut", afterBytes: 20 } });
  const { code, err } = await pull("team/app:v1");
  assert.equal(code, 1);
  assert.equal(err, "darner: the manifest v1 broke off\n");
});

test("a manifest that names a part which cannot be checked is no image", async () => {
  const parts = [
    { digest: "md5:d41d8cd98f00b204e9800998ecf8427e", size: 0, mediaType: "x" },
    { digest: "no digest", size: 1 },
    { digest: image.config.digest, size: -1 },
  ];
  for (const [number, part] of parts.entries()) {
    const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, config: part, layers: [] }));
    mirror.content.pushManifest("team/odd", fixtureBlob(bytes, "application/vnd.oci.image.manifest.v1+json"), `t${String(number)}`);
    const { code, err } = await pull(`team/odd:t${String(number)}`);
    assert.equal(code, 1);
    assert.match(err, /is no image manifest or index that can be checked whole/);
  }
});

test("a layout keeps its other images, and blobs that are there are not fetched again unless they are damaged", async () => {
  mirror.content.push("team/app", image, "v1");
  mirror.content.push("team/other", other, "v2");
  await pull("team/app:v1");
  await pull("team/other:v2");
  const { manifests } = JSON.parse(readFileSync(join(layout(), "index.json"), "utf8")) as { manifests: readonly { digest: string }[] };
  assert.deepEqual(
    manifests.map(({ digest }) => digest),
    [image.manifest.digest, other.manifest.digest],
  );
  const damaged = image.layers[0]?.digest ?? "";
  writeFileSync(blobPath(damaged), new Uint8Array(300_000));
  mirror.requests.length = 0;
  await pull("team/app:v1");
  assert.deepEqual(
    mirror.requests.flatMap(({ kind, path }) => (kind === "blob" ? [path] : [])),
    [`/v2/team/app/blobs/${damaged}`],
  );
  assertWhole(image.layers);
});

test("what the mirror refuses is told in its words", async () => {
  const { code, err } = await pull("team/none:v1");
  assert.equal(code, 1);
  assert.match(err, /^darner: the mirror answered 404: MANIFEST_UNKNOWN/);
});

test("no mirror there: exit code 1 with what to do", async () => {
  const { code, err } = await runHere(["pull", "app", "--mirror", "127.0.0.1:1"]);
  assert.equal(code, 1);
  assert.match(err, /no mirror answers at http:\/\/127\.0\.0\.1:1: is the daemon running\?.*--mirror/);
});

test("DARNER_LISTEN_MIRROR names the mirror where --mirror does not", async () => {
  mirror.content.push("team/app", image, "v1");
  assert.equal((await runHere(["pull", "registry.example/team/app:v1"], { env: { DARNER_LISTEN_MIRROR: mirror.host } })).code, 0);
});

test("a terminal gets a progress bar that fits in its line, on standard error; anything else gets none", async () => {
  mirror.content.push("team/a-rather-long-name-of-a-repository/of-somebody/who-likes-names", image, "v1");
  const { err, out } = await pull("team/a-rather-long-name-of-a-repository/of-somebody/who-likes-names:v1", [], {
    live: true,
    columns: 80,
  });
  const last = err.split("\r").at(-1) ?? "";
  assert.match(last, /100 %  .* of .*\u001b\[K\n$/);
  for (const drawn of err.split("\r")) assert.ok(drawn.replace("\u001b[K", "").trimEnd().length < 80, drawn);
  assert.ok(!out.includes("█"));
});

test("an interrupted pull ends at once, says so, and leaves no part of a blob", async () => {
  mirror.content.push("team/app", image, "v1");
  const asked = new AbortController();
  const held = mirror.fault({ when: { kind: "blob" }, do: { kind: "hold", afterBytes: 50_000 } });
  const pulling = pull("team/app:v1", ["-o", `oci:${layout()}`], { signal: asked.signal });
  while (held.struck === 0) await new Promise(setImmediate);
  asked.abort();
  const { code, err } = await pulling;
  assert.equal(code, 1);
  assert.match(err, /darner: interrupted\n$/);
  assert.deepEqual(
    readdirSync(join(layout(), "blobs", "sha256")).filter((name) => name.endsWith(".partial")),
    [],
  );
});
