import assert from "node:assert/strict";
import { test } from "node:test";
import { buildImage, noLeaks, randomBlob, type AccessPlan } from "@darner/testkit";
import { ACCESS, found, openBackendBench, refusal, tokenOf, type Asking, type BackendBench } from "../../test/backend-bench.ts";
import { readAll } from "../../test/read-blob.ts";

noLeaks();

const NAME = "team/app";
const PLAN: AccessPlan = { scheme: "bearer", users: { ann: "secret", bob: "other" }, privateRepositories: [NAME] };
const image = buildImage({ layers: Array.from({ length: 10 }, (_, seed) => ({ bytes: 2000, seed })) });

/** HEADs for content that reached the registry while `work` ran. */
async function headsOf(bench: BackendBench, work: () => Promise<unknown>): Promise<string[]> {
  const before = bench.asked().length;
  await work();
  return bench
    .asked()
    .slice(before)
    .filter((line) => line.startsWith("HEAD"))
    .map((line) => line.split("/")[0] ?? "");
}

/** What containerd asks on a pull by tag, all blobs at once. */
async function pull(bench: BackendBench, asking: Asking, by = "v1"): Promise<void> {
  found(await bench.manifest(NAME, by, { ...asking, headOnly: true }));
  for (const { digest } of [image.index, image.manifest]) found(await bench.manifest(NAME, digest, asking));
  await Promise.all([image.config, ...image.layers].map(async ({ digest }) => readAll(found(await bench.blob(NAME, digest, asking)).blob)));
}

test("a pull costs one question for the right and one for the child of the index; every further pull one for the tag; other callers one each", async () => {
  await using bench = await openBackendBench({ access: PLAN });
  bench.registry.content.push(NAME, image, "v1");
  const ann = { caller: await tokenOf(bench.registry, NAME, "ann", "secret") };
  const bob = { caller: await tokenOf(bench.registry, NAME, "bob", "other") };
  const first = await headsOf(bench, () => pull(bench, ann));
  const again = await headsOf(bench, () => pull(bench, ann));
  const other = await headsOf(bench, () => pull(bench, bob));
  const byDigest = await headsOf(bench, () => pull(bench, ann, image.index.digest));
  console.log(
    `HEADs of an image of 13 parts: first pull ${String(first.length)}, again ${String(again.length)}, another caller ${String(other.length)}, by digest ${String(byDigest.length)}`,
  );
  assert.deepEqual(first, ["HEAD manifests", "HEAD manifests"], "the tag, and the child of the index");
  assert.deepEqual([again.length, other.length, byDigest.length], [0, 1, 0]);
});

test("when a right has run out, ten layers that are asked for at once are one question", async () => {
  await using bench = await openBackendBench({ access: PLAN });
  bench.registry.content.push(NAME, image, "v1");
  const ann = { caller: await tokenOf(bench.registry, NAME, "ann", "secret") };
  await pull(bench, ann);
  bench.clock.advance(ACCESS.grantSeconds * 1000);
  const layers = (): Promise<unknown> =>
    Promise.all(image.layers.map(async ({ digest }) => readAll(found(await bench.blob(NAME, digest, ann)).blob)));
  const heads = await headsOf(bench, layers);
  console.log(`HEADs for ${String(image.layers.length)} layers at once after the grant's end: ${String(heads.length)}`);
  assert.equal(heads.length, 1);
});

test("a digest nobody knows costs a question of its own, once", async () => {
  await using bench = await openBackendBench();
  const blobs = [1, 2, 3].map((seed) => bench.registry.content.pushBlob("library/a", randomBlob(seed, 1000).bytes));
  const ask = async (): Promise<void> => {
    for (const { digest } of blobs) found(await bench.blob("library/a", digest, { headOnly: true }));
  };
  assert.equal((await headsOf(bench, ask)).length, 3);
  assert.equal((await headsOf(bench, ask)).length, 0);
});

test("who hammers at a closed door is answered from memory for seconds, and then asked for again", async () => {
  await using bench = await openBackendBench({ access: PLAN });
  const { digest } = bench.registry.content.pushBlob(NAME, randomBlob(1, 1000).bytes);
  const hammer = async (): Promise<void> => {
    for (let knock = 0; knock < 50; knock += 1) assert.deepEqual(refusal(await bench.blob(NAME, digest)), [401, "UNAUTHORIZED"]);
  };
  // One without and one with the token that its challenge asks for.
  assert.equal((await headsOf(bench, hammer)).length, 2);
  bench.clock.advance(3000);
  assert.ok((await headsOf(bench, hammer)).length > 0);
});
