import assert from "node:assert/strict";
import { test } from "node:test";
import type { ManifestBody } from "@darner/registry-client";
import { buildImage, fixtureBlob, noLeaks, seededBytes } from "@darner/testkit";
import { anonymous, failure, openBench, type Bench, type BenchPlan } from "../../test/setup.ts";

noLeaks();

const image = buildImage({ layers: [{ bytes: 50, seed: 1 }] });

async function bench(plan: BenchPlan = {}): Promise<Bench> {
  const made = await openBench(plan);
  made.registry.content.push("team/app", image, "v1");
  return made;
}

const get = (b: Bench, reference = "v1"): Promise<ManifestBody> =>
  b.client.manifest({ repository: b.repository("team/app"), kind: "manifest", reference, authority: anonymous });

test("a manifest comes byte for byte, by tag and by digest, with its type and digest", async () => {
  await using b = await bench();
  for (const [reference, blob] of [
    ["v1", image.index],
    [image.manifest.digest, image.manifest],
  ] as const) {
    const { bytes, ...head } = await get(b, reference);
    assert.deepEqual(Uint8Array.from(bytes), blob.bytes);
    assert.deepEqual(head, { size: blob.size, mediaType: blob.mediaType, digest: blob.digest, warnings: [] });
  }
});

test("case 26: where Content-Type says nothing, the mediaType inside the JSON counts; the bytes stay as they are", async () => {
  await using b = await bench();
  for (const type of ["text/plain", "application/octet-stream", "text/plain; charset=utf-8", undefined]) {
    b.registry.fault({ times: 1, do: { kind: "headers", set: { "content-type": type } } });
    const { bytes, mediaType } = await get(b);
    assert.equal(mediaType, image.index.mediaType);
    assert.deepEqual(Uint8Array.from(bytes), image.index.bytes);
  }
});

test("case 26: a manifest that names no type keeps the one it came with", async () => {
  await using b = await bench();
  for (const text of ["{}", "not json", `{"mediaType":7}`, `{"mediaType":"a b"}`, "null"]) {
    b.registry.content.pushManifest("team/app", fixtureBlob(new TextEncoder().encode(text), "text/plain"), "odd");
    assert.equal((await get(b, "odd")).mediaType, "text/plain");
  }
});

test("case 27: schema1 passes through with its type", async () => {
  await using b = await bench();
  const type = "application/vnd.docker.distribution.manifest.v1+prettyjws";
  b.registry.content.pushManifest("team/app", fixtureBlob(new TextEncoder().encode(`{"schemaVersion":1}`), type), "old");
  assert.equal((await get(b, "old")).mediaType, type);
});

test("case 28: a manifest of several MiB comes whole; one beyond the cap is no answer, with and without Content-Length", async () => {
  await using b = await bench({ config: { maxManifestBytes: 6_000_000 } });
  const large = fixtureBlob(seededBytes("large", 6_000_000), image.manifest.mediaType);
  b.registry.content.pushManifest("team/app", large, "large");
  assert.equal((await get(b, "large")).bytes.length, 6_000_000);
  const larger = fixtureBlob(seededBytes("larger", 6_000_001), image.manifest.mediaType);
  b.registry.content.pushManifest("team/app", larger, "larger");
  assert.match((await failure(get(b, "larger"), "invalid-answer")).what, /more than 6000000 bytes/);
  b.registry.fault({ do: { kind: "chunked" } });
  assert.match((await failure(get(b, "larger"), "invalid-answer")).what, /more than 6000000 bytes/);
});

test("case 25: integrity is the caller's to check: bytes and the registry's digest both come out", async () => {
  await using b = await bench();
  b.registry.fault({ do: { kind: "corrupt", offset: 3 } });
  const { bytes, digest } = await get(b);
  assert.equal(digest, image.index.digest);
  assert.notDeepEqual(Uint8Array.from(bytes), image.index.bytes);
});

test("case 82, case 83: a login page and an encoded manifest are no answer", async () => {
  await using b = await bench();
  b.registry.fault({ times: 1, do: { kind: "html" } });
  assert.match((await failure(get(b), "invalid-answer")).what, /HTML/);
  b.registry.fault({ times: 1, do: { kind: "gzip" } });
  assert.match((await failure(get(b), "invalid-answer")).what, /encoded/);
  assert.equal(b.registry.requests[0]?.headers["accept-encoding"], "identity");
});

test("a body that ends short is unavailable, not a shorter manifest", async () => {
  await using b = await bench();
  b.registry.fault({ do: { kind: "cut", afterBytes: 20 } });
  await failure(get(b), "unavailable");
});

test("a connection the registry closed while it was idle costs a second request, not the first one", async () => {
  await using b = await bench();
  await get(b);
  b.registry.dropConnections();
  await get(b);
});

test("an unexpected 304 or 206 is refused, not taken for content", async () => {
  await using b = await bench();
  b.registry.fault({ times: 1, do: { kind: "status", status: 304 } });
  assert.equal((await failure(get(b), "refused")).status, 304);
  b.registry.fault({ times: 1, do: { kind: "status", status: 206 } });
  assert.equal((await failure(get(b), "refused")).status, 206);
});

test("an aborted request ends with the signal's reason", async () => {
  await using b = await bench();
  b.registry.fault({ do: { kind: "hold" } });
  const stop = new AbortController();
  const reason = new Error("enough");
  const getting = b.client.manifest({
    repository: b.repository("team/app"),
    kind: "manifest",
    reference: "v1",
    authority: anonymous,
    signal: stop.signal,
  });
  while (b.registry.requests.length === 0) await new Promise(setImmediate);
  stop.abort(reason);
  await assert.rejects(getting, reason);
});

test("after close nothing is asked any more, and what is under way ends", async () => {
  await using b = await bench();
  b.registry.fault({ do: { kind: "hold" } });
  const getting = failure(get(b), "unavailable");
  while (b.registry.requests.length === 0) await new Promise(setImmediate);
  await b.client.close();
  await getting;
});
