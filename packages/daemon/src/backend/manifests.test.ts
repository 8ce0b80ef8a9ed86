import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { digestOf } from "@darner/domain";
import { buildImage, fixtureBlob, noLeaks, randomBlob, type FixtureBlob } from "@darner/testkit";
import { found, openBackendBench, refusal } from "../../test/backend-bench.ts";
import { eventually, whileTimePasses } from "../../test/eventually.ts";
import { readAll } from "../../test/read-blob.ts";

noLeaks();

const NAME = "library/app";
const image = buildImage({ layers: [{ bytes: 3000, seed: 1 }] });
const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const bytesOf = (bytes: Uint8Array | undefined): Buffer => Buffer.from(bytes ?? []);

test("case 19: HEAD by tag and GET of that digest agree, and the image is read through with one more question: whether the child of the index is there", async () => {
  await using bench = await openBackendBench();
  bench.registry.content.push(NAME, image, "v1");
  const head = found(await bench.manifest(NAME, "v1", { headOnly: true }));
  assert.deepEqual(
    [head.digest, head.size, head.mediaType, head.bytes],
    [image.index.digest, image.index.size, image.index.mediaType, undefined],
  );
  for (const { digest, bytes } of [image.index, image.manifest])
    assert.deepEqual(bytesOf(found(await bench.manifest(NAME, digest)).bytes), bytesOf(bytes));
  for (const { digest, bytes } of [image.config, ...image.layers]) {
    assert.ok((await readAll(found(await bench.blob(NAME, digest)).blob)).equals(bytes));
  }
  assert.deepEqual(
    bench.asked().map((line) => line.split(" ")[0]),
    ["HEAD", "GET", "HEAD", "GET", "GET", "GET"],
  );
});

test("a manifest that was served once is served again without the registry's bytes, with its type", async () => {
  await using bench = await openBackendBench();
  bench.registry.content.push(NAME, image, "v1");
  await bench.manifest(NAME, "v1");
  const sent = bench.registry.bodyBytes();
  const again = found(await bench.manifest(NAME, image.index.digest, { accept: [] }));
  assert.deepEqual([again.mediaType, bytesOf(again.bytes)], [image.index.mediaType, bytesOf(image.index.bytes)]);
  assert.equal(bench.registry.bodyBytes(), sent);
});

test("all who want a manifest at once are one GET", async () => {
  await using bench = await openBackendBench();
  bench.registry.content.push(NAME, image, "v1");
  const answers = await Promise.all(Array.from({ length: 12 }, () => bench.manifest(NAME, image.index.digest)));
  for (const answer of answers) assert.deepEqual(bytesOf(found(answer).bytes), bytesOf(image.index.bytes));
  assert.deepEqual(bench.asked().filter((line) => line.startsWith("GET")).length, 1);
});

test("case 25: a manifest that does not have the digest that was asked for is 502 and kept for nobody", async () => {
  const lie = { ...image.index, bytes: Uint8Array.from(image.index.bytes).fill(32, -3) };
  for (const tellsSize of [true, false]) {
    await using bench = await openBackendBench();
    bench.registry.content.pushManifest(NAME, lie);
    if (!tellsSize) bench.registry.fault({ when: { method: "HEAD" }, do: { kind: "chunked" } });
    assert.deepEqual(refusal(await bench.manifest(NAME, image.index.digest)), [502, "MANIFEST_UNKNOWN"]);
    assert.equal(bench.store.findComplete(image.index.digest), undefined);
    assert.ok(bench.log.lines.some(({ level }) => level === "error"));
  }
});

test("case 25: a tag whose bytes are not what its digest header says is 502", async () => {
  await using bench = await openBackendBench();
  bench.registry.content.pushManifest(NAME, image.index, "v1");
  bench.registry.fault({ when: { method: "HEAD" }, do: { kind: "chunked" } });
  bench.registry.fault({ when: { method: "GET" }, do: { kind: "headers", set: { "docker-content-digest": image.manifest.digest } } });
  assert.deepEqual(refusal(await bench.manifest(NAME, "v1")), [502, "MANIFEST_UNKNOWN"]);
});

test("case 26: a manifest that comes as text/plain gets the type it says it has", async () => {
  await using bench = await openBackendBench();
  bench.registry.content.pushManifest(NAME, { ...image.index, mediaType: "text/plain" });
  for (const headOnly of [false, true]) {
    const { mediaType, size } = found(await bench.manifest(NAME, image.index.digest, { headOnly }));
    assert.deepEqual([mediaType, size], [image.index.mediaType, image.index.size]);
  }
});

test("case 27: a signed schema 1 manifest is passed through and kept nowhere", async () => {
  await using bench = await openBackendBench();
  const signed: FixtureBlob = {
    ...fixtureBlob(text({ schemaVersion: 1, signatures: [] }), "application/vnd.docker.distribution.manifest.v1+prettyjws"),
    digest: digestOf(`sha256:${"5".repeat(64)}`),
  };
  bench.registry.content.pushManifest(NAME, signed, "old");
  for (const reference of ["old", signed.digest]) {
    const answer = found(await bench.manifest(NAME, reference));
    assert.deepEqual([answer.digest, bytesOf(answer.bytes)], [signed.digest, bytesOf(signed.bytes)]);
  }
  assert.deepEqual(bench.store.list(), []);
});

test("case 28: a manifest above the bound is refused, one of thousands of layers is not", async () => {
  await using bench = await openBackendBench({ maxManifestBytes: 300_000 });
  const layers = Array.from({ length: 2000 }, (_, at) => ({ mediaType: "x/y", digest: randomBlob(at, 1).digest, size: 1 }));
  const fits = fixtureBlob(text({ layers }), "application/vnd.oci.image.manifest.v1+json");
  const tooLong = fixtureBlob(text({ layers: [...layers, ...layers] }), "application/vnd.oci.image.manifest.v1+json");
  for (const manifest of [fits, tooLong]) bench.registry.content.pushManifest(NAME, manifest);
  assert.equal(found(await bench.manifest(NAME, fits.digest)).bytes?.length, fits.size);
  assert.deepEqual(refusal(await bench.manifest(NAME, tooLong.digest)), [502, "MANIFEST_UNKNOWN"]);
});

test("case 2: a manifest named by sha512 is verified with sha512, whatever the registry's header says", async () => {
  await using bench = await openBackendBench();
  const digest = digestOf(`sha512:${createHash("sha512").update(image.index.bytes).digest("hex")}`);
  bench.registry.content.pushManifest(NAME, { ...image.index, digest });
  bench.registry.fault({ do: { kind: "headers", set: { "docker-content-digest": image.index.digest } } });
  assert.equal(found(await bench.manifest(NAME, digest)).digest, digest);
  await eventually(() => bench.store.findComplete(digest)?.size === image.index.size, "it is kept under that name");
});

test("case 3: a manifest of an algorithm nobody knows here is passed through and kept nowhere", async () => {
  await using bench = await openBackendBench();
  const digest = digestOf(`blake3:${"a".repeat(64)}`);
  bench.registry.content.pushManifest(NAME, { ...image.index, digest });
  for (const _time of [1, 2]) assert.deepEqual(bytesOf(found(await bench.manifest(NAME, digest)).bytes), bytesOf(image.index.bytes));
  assert.equal(bench.asked().filter((line) => line.startsWith("GET")).length, 2);
  assert.deepEqual(bench.store.list(), []);
});

test("case 11: a manifest under /blobs/ and a layer under /manifests/ are the registry's decision, also when they are here", async () => {
  await using bench = await openBackendBench();
  bench.registry.content.push(NAME, image, "v1");
  const [layer] = image.layers;
  assert.ok(layer !== undefined);
  found(await bench.manifest(NAME, image.manifest.digest));
  await readAll(found(await bench.blob(NAME, layer.digest)).blob);
  assert.deepEqual(refusal(await bench.manifest(NAME, layer.digest)), [404, "MANIFEST_UNKNOWN"]);
  assert.deepEqual(refusal(await bench.blob(NAME, image.manifest.digest)), [404, "BLOB_UNKNOWN"]);
  bench.registry.content.pushBlob(NAME, image.manifest.bytes);
  bench.clock.advance(1000);
  const sent = bench.registry.bodyBytes();
  assert.ok((await readAll(found(await bench.blob(NAME, image.manifest.digest)).blob)).equals(image.manifest.bytes));
  assert.equal(bench.registry.bodyBytes(), sent, "the bytes were here");
});

test("case 34: a child that an index names and the registry does not have is 404 only when it is asked for", async () => {
  await using bench = await openBackendBench();
  bench.registry.content.pushManifest(NAME, image.index, "sparse");
  found(await bench.manifest(NAME, "sparse"));
  const child = await whileTimePasses(bench.clock, bench.manifest(NAME, image.manifest.digest));
  assert.deepEqual(refusal(child), [404, "MANIFEST_UNKNOWN"]);
});

test("case 35: a layer that lies elsewhere is asked for at the registry and nowhere else, also when it is here", async () => {
  await using bench = await openBackendBench();
  const layer = bench.registry.content.pushBlob("library/other", randomBlob("foreign", 900).bytes);
  await readAll(found(await bench.blob("library/other", layer.digest)).blob);
  const foreign = { digest: layer.digest, size: layer.size, mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" };
  const urls = ["http://169.254.169.254/secret"];
  const manifest = fixtureBlob(text({ layers: [{ ...foreign, urls }, foreign] }), "application/vnd.docker.distribution.manifest.v2+json");
  bench.registry.content.pushManifest(NAME, manifest);
  found(await bench.manifest(NAME, manifest.digest));
  assert.deepEqual(refusal(await bench.blob(NAME, layer.digest)), [404, "BLOB_UNKNOWN"]);
  assert.equal(bench.registry.requests.at(-1)?.path, `/v2/${NAME}/blobs/${layer.digest}`);
});

test("a manifest that cannot be kept is served all the same", async () => {
  await using bench = await openBackendBench({ storeBytes: 100 });
  bench.registry.content.pushManifest(NAME, { ...image.index, mediaType: "text/plain" });
  assert.deepEqual(bytesOf(found(await bench.manifest(NAME, image.index.digest)).bytes), bytesOf(image.index.bytes));
  assert.ok(bench.log.lines.some(({ message }) => message === "manifest could not be kept"));
});
