import assert from "node:assert/strict";
import { test } from "node:test";
import { buildImage, noLeaks, type BuiltImage } from "@darner/testkit";
import { ACCESS, found, openBackendBench, refusal, TAG_TTL_MS, tokenOf, type BackendBench } from "../../test/backend-bench.ts";

noLeaks();

const NAME = "library/app";
const first = buildImage({ layers: [{ bytes: 500, seed: "first" }] });
const second = buildImage({ layers: [{ bytes: 500, seed: "second" }] });

function push(bench: BackendBench, image: BuiltImage = first): void {
  bench.registry.content.push(NAME, image, "v1");
}

test("a tag is asked for by HEAD, used for its time, and asked for again", async () => {
  await using bench = await openBackendBench();
  push(bench);
  const ask = async (): Promise<string> => found(await bench.manifest(NAME, "v1", { headOnly: true })).digest;
  assert.equal(await ask(), first.index.digest);
  push(bench, second);
  bench.clock.advance(TAG_TTL_MS - 1);
  assert.equal(await ask(), first.index.digest);
  assert.deepEqual(bench.asked(), ["HEAD manifests/v1"]);
  bench.clock.advance(1);
  assert.equal(await ask(), second.index.digest);
});

test("case 32: a tag that moved leaves its old digest where it was", async () => {
  await using bench = await openBackendBench();
  push(bench);
  const { digest } = found(await bench.manifest(NAME, "v1", { headOnly: true }));
  push(bench, second);
  bench.clock.advance(TAG_TTL_MS);
  assert.deepEqual(Buffer.from(found(await bench.manifest(NAME, digest)).bytes ?? []), Buffer.from(first.index.bytes));
});

test("case 33: a deleted tag is 404 as soon as it is asked for again, and does not come back while the registry is away", async () => {
  await using bench = await openBackendBench();
  push(bench);
  found(await bench.manifest(NAME, "v1"));
  bench.registry.content.deleteTag(NAME, "v1");
  bench.clock.advance(TAG_TTL_MS);
  assert.deepEqual(refusal(await bench.manifest(NAME, "v1")), [404, "MANIFEST_UNKNOWN"]);
  bench.registry.fault({ do: { kind: "status", status: 500 } });
  bench.clock.advance(1000);
  assert.deepEqual(refusal(await bench.manifest(NAME, "v1")), [503, "MANIFEST_UNKNOWN"]);
});

test("a tag is served stale, with a warning, while the registry is away, and no longer than the grace", async () => {
  await using bench = await openBackendBench();
  push(bench);
  assert.deepEqual(found(await bench.manifest(NAME, "v1")).warnings, []);
  bench.registry.fault({ do: { kind: "status", status: 503 } });
  bench.clock.advance(TAG_TTL_MS);
  const stale = found(await bench.manifest(NAME, "v1"));
  assert.deepEqual([stale.digest, stale.bytes?.length], [first.index.digest, first.index.size]);
  assert.match(stale.warnings[0] ?? "", /^299 - "stale/);
  bench.clock.advance(ACCESS.graceSeconds * 1000);
  assert.deepEqual(refusal(await bench.manifest(NAME, "v1")), [503, "MANIFEST_UNKNOWN"]);
});

test("case 78: a tag is served stale while the registry limits its rate", async () => {
  await using bench = await openBackendBench();
  push(bench);
  found(await bench.manifest(NAME, "v1"));
  bench.registry.fault({ do: { kind: "status", status: 429 } });
  bench.clock.advance(TAG_TTL_MS);
  assert.equal(found(await bench.manifest(NAME, "v1")).digest, first.index.digest);
});

test("what a private repository's tag points at is told to nobody else, not even stale", async () => {
  await using bench = await openBackendBench({ access: { scheme: "bearer", users: { ann: "x" }, privateRepositories: [NAME] } });
  push(bench);
  const ann = await tokenOf(bench.registry, NAME, "ann", "x");
  assert.equal(found(await bench.manifest(NAME, "v1", { caller: ann })).digest, first.index.digest);
  assert.deepEqual(refusal(await bench.manifest(NAME, "v1")), [401, "UNAUTHORIZED"]);
  bench.registry.fault({ do: { kind: "status", status: 503 } });
  bench.clock.advance(3000);
  // The challenge is remembered, so that a client knows to show its credential; the tag is not told.
  assert.deepEqual(refusal(await bench.manifest(NAME, "v1")), [401, "UNAUTHORIZED"]);
  bench.clock.advance(TAG_TTL_MS);
  assert.equal(found(await bench.manifest(NAME, "v1", { caller: ann })).digest, first.index.digest);
});

test("case 20, 22: the Accept types belong to the question; their order, parameters and headers do not", async () => {
  await using bench = await openBackendBench();
  push(bench);
  const both = ["application/vnd.oci.image.index.v1+json, application/json;q=0.5"];
  const same = ["application/json", "application/vnd.oci.image.index.v1+json; charset=utf-8"];
  for (const accept of [both, same]) found(await bench.manifest(NAME, "v1", { accept, headOnly: true }));
  assert.equal(bench.asked().length, 1);
  bench.registry.fault({ when: { method: "HEAD" }, do: { kind: "status", status: 404 } });
  const narrow = ["application/vnd.docker.distribution.manifest.v2+json"];
  assert.deepEqual(refusal(await bench.manifest(NAME, "v1", { accept: narrow, headOnly: true })), [404, "MANIFEST_UNKNOWN"]);
  assert.equal(bench.registry.requests.at(-1)?.accept, narrow[0]);
  assert.equal(found(await bench.manifest(NAME, "v1", { accept: both, headOnly: true })).digest, first.index.digest);
});

test("case 23: where a HEAD tells no digest or no length, all who ask at once are one GET", async () => {
  for (const missing of ["docker-content-digest", "content-length"]) {
    await using bench = await openBackendBench();
    push(bench);
    const fault =
      missing === "content-length" ? ({ kind: "chunked" } as const) : ({ kind: "headers", set: { [missing]: undefined } } as const);
    bench.registry.fault({ when: { method: "HEAD" }, do: fault });
    const answers = await Promise.all(Array.from({ length: 5 }, () => bench.manifest(NAME, "v1", { headOnly: true })));
    for (const answer of answers)
      assert.deepEqual([found(answer).digest, found(answer).size], [first.index.digest, first.index.size], missing);
    assert.deepEqual(bench.asked(), ["HEAD manifests/v1", "GET manifests/v1"], missing);
    assert.deepEqual(Buffer.from(found(await bench.manifest(NAME, first.index.digest)).bytes ?? []), Buffer.from(first.index.bytes));
    assert.equal(bench.asked().length, 2, "the GET was kept");
  }
});

test("case 24: where HEAD is refused, a GET tells as much", async () => {
  await using bench = await openBackendBench();
  push(bench);
  bench.registry.fault({ when: { method: "HEAD" }, do: { kind: "status", status: 405 } });
  const { digest, size, mediaType } = found(await bench.manifest(NAME, "v1", { headOnly: true }));
  assert.deepEqual([digest, size, mediaType], [first.index.digest, first.index.size, first.index.mediaType]);
});

test("case 40: warnings of the registry are passed on", async () => {
  await using bench = await openBackendBench();
  push(bench);
  bench.registry.fault({ do: { kind: "headers", set: { warning: '299 - "old image"' } } });
  assert.deepEqual(found(await bench.manifest(NAME, "v1", { headOnly: true })).warnings, ['299 - "old image"']);
});
