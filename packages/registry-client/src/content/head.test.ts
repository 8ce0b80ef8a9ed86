import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContentHead } from "@darner/registry-client";
import { buildImage, noLeaks, randomBlob } from "@darner/testkit";
import { anonymous, asked, caller, failure, openBench, type Bench, type BenchPlan } from "../../test/setup.ts";

noLeaks();

const image = buildImage({ layers: [{ bytes: 5000, seed: 1 }] });
const layer = image.layers[0] ?? assert.fail("no layer");

async function bench(plan: BenchPlan = {}): Promise<Bench> {
  const made = await openBench(plan);
  made.registry.content.push("team/app", image, "v1");
  return made;
}

const headBlob = (b: Bench, digest: string = layer.digest): Promise<ContentHead> =>
  b.client.head({ repository: b.repository("team/app"), kind: "blob", reference: digest, authority: anonymous });
const headManifest = (b: Bench, reference = "v1", authority = anonymous): Promise<ContentHead> =>
  b.client.head({ repository: b.repository("team/app"), kind: "manifest", reference, authority });

test("a manifest's head: type without parameters, length, digest, warnings", async () => {
  await using b = await bench();
  const set = { "content-type": `${image.index.mediaType}; charset=utf-8`, warning: '299 - "old"' };
  b.registry.fault({ when: { kind: "manifest" }, do: { kind: "headers", set } });
  const expected = { size: image.index.size, mediaType: image.index.mediaType, digest: image.index.digest, warnings: ['299 - "old"'] };
  assert.deepEqual(await headManifest(b), expected);
  assert.deepEqual(asked(b, "manifest"), ["HEAD first"]);
  assert.match(b.registry.requests[0]?.accept ?? "", /oci\.image\.index\.v1\+json, .*\*\/\*$/);
});

test("the caller's own Accept is sent where one is given", async () => {
  await using b = await bench();
  const accept = [image.manifest.mediaType];
  await b.client.head({ repository: b.repository("team/app"), kind: "manifest", reference: "v1", authority: anonymous, accept });
  assert.equal(b.registry.requests[0]?.accept, image.manifest.mediaType);
});

test("case 50: a blob's length comes from a HEAD, without its bytes", async () => {
  await using b = await bench();
  assert.equal((await headBlob(b)).size, 5000);
  assert.deepEqual(asked(b, "blob"), ["HEAD first"]);
  assert.equal(b.registry.bodyBytes(), 0);
});

for (const status of [401, 403, 405]) {
  test(`case 24, case 81: a registry that says ${String(status)} to every HEAD is asked by GET, with as few bytes as possible`, async () => {
    await using b = await bench();
    b.registry.fault({ when: { method: "HEAD" }, do: { kind: "status", status } });
    assert.equal((await headBlob(b)).size, 5000);
    assert.deepEqual(asked(b, "blob"), ["HEAD first", "GET first bytes=0-0"]);
    assert.equal(b.registry.bodyBytes(), 1);
    const head = await headManifest(b);
    assert.deepEqual(head, { size: image.index.size, mediaType: image.index.mediaType, digest: image.index.digest, warnings: [] });
    assert.deepEqual(asked(b, "manifest"), ["HEAD first", "GET first"]);
  });
}

test("a Harbor proxy that says 404 to a HEAD until it has the blob is asked by GET; a blob that is not there stays so", async () => {
  await using b = await bench();
  b.registry.fault({ when: { method: "HEAD" }, do: { kind: "status", status: 404 } });
  assert.equal((await headBlob(b)).size, 5000);
  const missing = await failure(headBlob(b, randomBlob(2, 2).digest), "not-found");
  assert.match(new TextDecoder().decode(missing.body), /BLOB_UNKNOWN/);
});

test("a signed link that refuses HEAD is asked by GET from the registry's URL; its refusal of both is still the registry's yes", async () => {
  await using b = await bench();
  b.registry.fault({ when: { kind: "blob" }, do: { kind: "redirect", to: "second" } });
  b.registry.fault({ when: { kind: "blob", host: "second", method: "HEAD" }, do: { kind: "status", status: 403 } });
  assert.equal((await headBlob(b)).size, 5000);
  assert.deepEqual(asked(b, "blob"), ["HEAD first", "HEAD second", "GET first bytes=0-0", "GET second bytes=0-0"]);
  b.registry.fault({ when: { kind: "blob", host: "second" }, do: { kind: "status", status: 403 } });
  assert.deepEqual(await headBlob(b), { warnings: [] });
});

test("a HEAD without Content-Length is followed by a GET of one byte; a registry without Range still tells the length", async () => {
  await using b = await bench();
  b.registry.fault({ when: { method: "HEAD" }, do: { kind: "chunked" } });
  assert.equal((await headBlob(b)).size, 5000);
  b.registry.fault({ when: { method: "GET" }, do: { kind: "ignore-range" } });
  assert.equal((await headBlob(b)).size, 5000);
  b.registry.fault({ when: { method: "GET" }, do: { kind: "chunked" } });
  assert.equal((await headBlob(b)).size, undefined);
});

test("case 41: the length of a blob of no bytes is found where HEAD is refused", async () => {
  await using b = await bench();
  const empty = b.registry.content.pushBlob("team/app", new Uint8Array());
  assert.equal((await headBlob(b, empty.digest)).size, 0);
  b.registry.fault({ when: { method: "HEAD" }, do: { kind: "status", status: 405 } });
  assert.equal((await headBlob(b, empty.digest)).size, 0);
});

test("case 71: a 401 to HEAD and GET comes out with the challenge and the body of the GET", async () => {
  await using b = await bench({ registry: { access: { scheme: "bearer" } } });
  const refused = await failure(headManifest(b, "v1", caller("Bearer wrong")), "unauthorized");
  assert.equal(refused.challenges.length, 1);
  assert.match(new TextDecoder().decode(refused.body), /UNAUTHORIZED/);
});

test("case 74: a 403 to HEAD comes out with the body that GET has", async () => {
  await using b = await bench();
  b.registry.fault({ do: { kind: "status", status: 403, headers: { "content-type": "application/json" }, body: `{"errors":[]}` } });
  for (const asking of [headManifest(b), headBlob(b)]) {
    const denied = await failure(asking, "denied");
    assert.equal(new TextDecoder().decode(denied.body), `{"errors":[]}`);
  }
});

test("case 33: a tag that is gone is not-found after one request", async () => {
  await using b = await bench();
  b.registry.content.deleteTag("team/app", "v1");
  await failure(headManifest(b), "not-found");
  assert.equal(b.registry.requests.length, 1);
});

test("case 23, case 26: what a HEAD does not say, or says uselessly, is absent", async () => {
  await using b = await bench();
  const set = { "content-type": "text/plain; charset=utf-8", "docker-content-digest": "sha256:ABC", "content-length": undefined };
  b.registry.fault({ when: { kind: "manifest" }, do: { kind: "headers", set } });
  b.registry.fault({ when: { kind: "manifest" }, do: { kind: "chunked" } });
  assert.deepEqual(await headManifest(b), { warnings: [] });
});

test("case 2: a sha512 name is asked for as it is; a sha256 header in the answer is passed on", async () => {
  await using b = await bench();
  const digest = `sha512:${"ab".repeat(64)}` as typeof layer.digest;
  b.registry.content.pushManifest("team/app", { ...image.manifest, digest });
  b.registry.fault({ when: { path: "sha512" }, do: { kind: "headers", set: { "docker-content-digest": image.manifest.digest } } });
  assert.equal((await headManifest(b, digest)).digest, image.manifest.digest);
});

test("case 82: a login page in place of content is no answer", async () => {
  await using b = await bench();
  b.registry.fault({ do: { kind: "html" } });
  await failure(headBlob(b), "invalid-answer");
  await failure(headManifest(b), "invalid-answer");
});

test("names, tags and digests that are none are refused before anything is sent", async () => {
  await using b = await bench();
  for (const [name, reference] of [
    ["../etc", "v1"],
    ["Team/App", "v1"],
    ["team/app", "../../x"],
    ["team/app", "a b"],
    ["team/app", "v1?x"],
    ["", "v1"],
  ] as const) {
    const asking = b.client.head({ repository: b.repository(name), kind: "manifest", reference, authority: anonymous });
    assert.equal((await failure(asking, "refused")).status, 400);
  }
  await failure(headBlob(b, "v1"), "refused");
  assert.equal(b.registry.requests.length, 0);
});
