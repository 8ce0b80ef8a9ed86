import assert from "node:assert/strict";
import { test } from "node:test";
import type { Digest } from "@darner/domain";
import { buildImage, fixtureBlob, noLeaks, randomBlob, type AccessPlan, type BuiltImage } from "@darner/testkit";
import { found, openBackendBench, refusal, tokenOf, type Asking, type BackendBench } from "../../test/backend-bench.ts";
import { eventually } from "../../test/eventually.ts";
import { readAll } from "../../test/read-blob.ts";

noLeaks();

const RED = "red/app";
const BLUE = "blue/app";
const OPEN = "library/open";
const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";
const TENANTS: AccessPlan = {
  scheme: "bearer",
  users: { ann: "secret", eve: "other" },
  privateRepositories: [RED, BLUE],
  readers: { [RED]: ["ann"], [BLUE]: ["eve"] },
};

const red = buildImage({ layers: [{ bytes: 30_000, seed: "red" }] });
const blue = buildImage({ layers: [{ bytes: 30_000, seed: "blue" }] });

type Tenants = { readonly bench: BackendBench; readonly ann: Asking; readonly eve: Asking };

/** One host that both tenants have pulled through, each with a credential for each name. */
async function twoTenants(): Promise<Tenants> {
  const bench = await openBackendBench({ access: TENANTS });
  bench.registry.content.push(RED, red, "v1");
  bench.registry.content.push(BLUE, blue, "v1");
  bench.registry.content.pushBlob(OPEN, randomBlob("open", 100).bytes);
  const ann = { caller: await tokenOf(bench.registry, RED, "ann", "secret") };
  const eve = { caller: await tokenOf(bench.registry, BLUE, "eve", "other") };
  for (const [name, image, asking] of [
    [RED, red, ann],
    [BLUE, blue, eve],
  ] as const) {
    found(await bench.manifest(name, "v1", asking));
    for (const { digest } of [image.manifest]) found(await bench.manifest(name, digest, asking));
    for (const { digest } of [image.config, ...image.layers]) await readAll(found(await bench.blob(name, digest, asking)).blob);
  }
  bench.clock.advance(5000);
  return { bench, ann, eve };
}

/** Every part of an image is refused under a repository's name, with HEAD and with GET. */
async function getsNothing(bench: BackendBench, name: string, image: BuiltImage, asking: Asking): Promise<void> {
  for (const headOnly of [true, false]) {
    const answers = [
      ...[image.index, image.manifest].map(({ digest }) => bench.manifest(name, digest, { ...asking, headOnly })),
      ...[image.config, ...image.layers].map(({ digest }) => bench.blob(name, digest, { ...asking, headOnly })),
    ];
    for (const answer of await Promise.all(answers)) {
      const [status] = refusal(answer);
      assert.ok([401, 404].includes(status), `${name} ${String(status)}`);
    }
  }
}

test("case 87: of two tenants on one host each gets its own and nothing of the other's, whatever repository a digest is asked under", async () => {
  const { bench, ann, eve } = await twoTenants();
  await using _bench = bench;
  const disk = (): Promise<string> => bench.metrics.metrics();
  const before = /from="disk"} (\d+)/.exec(await disk())?.[1];
  for (const [asking, others, user, password] of [
    [ann, blue, "ann", "secret"],
    [eve, red, "eve", "other"],
  ] as const) {
    for (const name of [RED, BLUE, OPEN]) {
      const fresh = { caller: await tokenOf(bench.registry, name, user, password) };
      for (const credential of [asking, fresh, {}]) await getsNothing(bench, name, others, credential);
    }
  }
  assert.equal(/from="disk"} (\d+)/.exec(await disk())?.[1], before, "not one byte of the store was read for it");
});

test("not being allowed looks like not existing: what is cached and what never was are answered with the same bytes", async () => {
  const { bench, eve } = await twoTenants();
  await using _bench = bench;
  const [layer] = red.layers;
  assert.ok(layer !== undefined);
  const never = randomBlob("never pushed", 10).digest;
  for (const asking of [eve, {}, { caller: await tokenOf(bench.registry, RED, "eve", "other") }]) {
    for (const name of [RED, OPEN]) {
      for (const headOnly of [true, false]) {
        const told = async (digest: Digest): Promise<string> =>
          JSON.stringify(await bench.blob(name, digest, { ...asking, headOnly })).replaceAll(digest, "DIGEST");
        assert.equal(await told(layer.digest), await told(never));
        const asked = bench.asked().length;
        await bench.manifest(name, red.manifest.digest, { ...asking, headOnly });
        const forCached = bench.asked().length - asked;
        await bench.manifest(name, never, { ...asking, headOnly });
        assert.equal(bench.asked().length - asked, 2 * forCached, "as many questions, so the same time");
      }
    }
  }
});

test("case 34: an index in a public repository that names a private manifest opens it to nobody", async () => {
  const { bench, eve } = await twoTenants();
  await using _bench = bench;
  const { digest, size, mediaType } = red.manifest;
  const index = { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [{ digest, size, mediaType }] };
  const planted = fixtureBlob(new TextEncoder().encode(JSON.stringify(index)), INDEX_TYPE);
  for (const name of [OPEN, BLUE]) {
    bench.registry.content.pushManifest(name, planted, "planted");
    const asking = name === BLUE ? eve : {};
    found(await bench.manifest(name, "planted", asking));
    assert.deepEqual(refusal(await bench.manifest(name, digest, asking)), [404, "MANIFEST_UNKNOWN"]);
    for (const { digest: part } of [red.config, ...red.layers]) {
      assert.deepEqual(refusal(await bench.blob(name, part, asking)), [404, "BLOB_UNKNOWN"]);
    }
  }
});

test("AlwaysPullImages: an image that is here whole is asked about at the registry under every other credential, and its no is the answer", async () => {
  const { bench, ann, eve } = await twoTenants();
  await using _bench = bench;
  bench.clock.advance(1000);
  const asked = bench.asked().length;
  found(await bench.manifest(RED, "v1", { ...ann, headOnly: true }));
  assert.equal(bench.asked().length, asked, "ann's own answer stands for its seconds");
  for (const asking of [eve, {}]) {
    const before = bench.asked().length;
    assert.deepEqual(refusal(await bench.manifest(RED, "v1", { ...asking, headOnly: true })), [401, "UNAUTHORIZED"]);
    assert.ok(bench.asked().slice(before).includes("HEAD manifests/v1"), "the registry was asked, not the memory");
  }
  const other = { caller: await tokenOf(bench.registry, RED, "ann", "secret") };
  const before = bench.asked().length;
  found(await bench.manifest(RED, "v1", { ...other, headOnly: true }));
  assert.deepEqual(bench.asked().slice(before), ["HEAD manifests/v1"], "a second token of the same user is a credential of its own");
});

test("access.mode open: what is here is given to whoever asks, what is not is asked for in the caller's own name", async () => {
  await using bench = await openBackendBench({ access: TENANTS, rights: { mode: "open" } });
  bench.registry.content.push(RED, red, "v1");
  const ann = { caller: await tokenOf(bench.registry, RED, "ann", "secret") };
  const [layer] = red.layers;
  assert.ok(layer !== undefined);
  found(await bench.manifest(RED, "v1", ann));
  assert.deepEqual(refusal(await bench.blob(RED, layer.digest)), [401, "UNAUTHORIZED"]);
  found(await bench.manifest(RED, red.manifest.digest, ann));
  await readAll(found(await bench.blob(RED, layer.digest, ann)).blob);
  await eventually(() => bench.store.findComplete(layer.digest) !== undefined, "it is complete");
  const asked = bench.asked().length;
  assert.equal(found(await bench.manifest(RED, "v1", {})).digest, red.index.digest);
  for (const name of [RED, OPEN]) assert.ok((await readAll(found(await bench.blob(name, layer.digest)).blob)).equals(layer.bytes));
  assert.equal(bench.asked().length, asked, "nobody was asked");
});
