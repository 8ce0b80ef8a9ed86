import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  buildImage,
  noLeaks,
  openScriptedRegistry,
  randomBlob,
  type FaultAction,
  type FixtureBlob,
  type ScriptedRegistry,
} from "@darner/testkit";
import { found, openBackendBench, refusal, type Asking, type BackendBench } from "../../test/backend-bench.ts";
import { eventually, whileTimePasses } from "../../test/eventually.ts";
import { readAll, readOut } from "../../test/read-blob.ts";

noLeaks();

const NAME = "team/app";
const BYTES = 2_000_000;

type TwoRegistries = AsyncDisposable & {
  readonly bench: BackendBench;
  readonly other: ScriptedRegistry;
  /** A question under the other registry's name. */
  readonly asking: Asking;
};

/** A host that has pulled everything through one registry, and another registry that answers to the same names. */
async function twoRegistries(): Promise<TwoRegistries> {
  await using births = new AsyncDisposableStack();
  const other = births.use(await openScriptedRegistry());
  const bench = births.use(await openBackendBench({}, [other]));
  const lives = births.move();
  return { bench, other, asking: { from: other }, [Symbol.asyncDispose]: () => lives.disposeAsync() };
}

/** A blob that is whole on this host, read through its own registry, and known to both. */
async function heldBlob({ bench, other }: TwoRegistries, bytes = BYTES): Promise<FixtureBlob> {
  const blob = bench.registry.content.pushBlob(NAME, randomBlob("held", bytes).bytes);
  other.content.pushBlob(NAME, blob.bytes);
  await readAll(found(await bench.blob(NAME, blob.digest)).blob);
  await eventually(() => bench.store.findComplete(blob.digest) !== undefined, "it is complete");
  return blob;
}

const getsOf = (registry: ScriptedRegistry): number =>
  registry.requests.filter(({ kind, method }) => kind === "blob" && method === "GET").length;
const diskBytes = ({ bench }: TwoRegistries): number => bench.books.bytes().disk;

suite("bytes that came through another registry", () => {
  test("case 87: an honest registry shows 4 KiB of a blob, once, and its bytes then come from this host", async () => {
    await using both = await twoRegistries();
    const { bench, other, asking } = both;
    const blob = await heldBlob(both);
    for (const _reader of [1, 2, 3]) assert.ok((await readAll(found(await bench.blob(NAME, blob.digest, asking)).blob)).equals(blob.bytes));
    console.log(
      `a blob of ${String(BYTES)} bytes through a second registry: ${String(getsOf(other))} GET, ${String(other.bodyBytes())} bytes`,
    );
    assert.deepEqual([getsOf(other), other.bodyBytes()], [1, 4096]);
    await readAll(found(await bench.blob(NAME, blob.digest)).blob);
    assert.equal(getsOf(bench.registry), 1, "the registry that the bytes came through is asked nothing");
  });

  test("another name of the same registry, as the configuration tells it, has nothing to show", async () => {
    await using both = await twoRegistries();
    const { bench } = both;
    const blob = await heldBlob(both);
    const asking = { from: { host: bench.registry.secondHost } };
    assert.ok((await readAll(found(await bench.blob(NAME, blob.digest, asking)).blob)).equals(blob.bytes));
    assert.equal(getsOf(bench.registry), 1);
    const image = buildImage({ layers: [{ bytes: 100, seed: 1 }] });
    bench.registry.content.push(NAME, image, "v1");
    found(await bench.manifest(NAME, image.manifest.digest, asking));
    found(await bench.manifest(NAME, image.manifest.digest));
    assert.equal(bench.registry.requests.filter(({ kind, method }) => kind === "manifest" && method === "GET").length, 1);
  });

  test("ten readers at once are one question", async () => {
    await using both = await twoRegistries();
    const { bench, other, asking } = both;
    const blob = await heldBlob(both);
    await Promise.all(Array.from({ length: 10 }, async () => readAll(found(await bench.blob(NAME, blob.digest, asking)).blob)));
    assert.equal(getsOf(other), 1);
  });

  for (const [how, lie] of [
    ["says that it is not there after all", { kind: "status", status: 404 }],
    ["sends other bytes", { kind: "corrupt", offset: 0 }],
    ["breaks off", { kind: "cut", afterBytes: 0 }],
    ["is out of order", { kind: "status", status: 500 }],
  ] as const satisfies readonly (readonly [string, FaultAction])[]) {
    test(`a registry that says yes to HEAD and ${how} is given nothing of this host's bytes`, async () => {
      await using both = await twoRegistries();
      const { bench, other, asking } = both;
      const small = await heldBlob(both, 3000);
      const before = diskBytes(both);
      other.fault({ when: { kind: "blob", method: "GET" }, do: lie });
      const answer = await bench.blob(NAME, small.digest, asking);
      if (answer.kind === "refused") assert.ok([404, 502, 503].includes(answer.status));
      else {
        const refused = await answer.blob.ready();
        const { bytes, error } = refused === undefined ? await readOut(answer.blob.read()) : { bytes: Buffer.alloc(0), error: refused };
        answer.blob.close();
        assert.ok(error !== undefined && !bytes.equals(small.bytes), "what came is the registry's own, and ends short");
      }
      assert.equal(diskBytes(both), before);
      assert.ok(
        (await readAll(found(await bench.blob(NAME, small.digest)).blob)).equals(small.bytes),
        "whoever comes through the honest one has it",
      );
    });
  }

  test("a registry that ignores Range is read by itself instead", async () => {
    await using both = await twoRegistries();
    const { bench, other, asking } = both;
    const blob = await heldBlob(both);
    const before = diskBytes(both);
    other.fault({ when: { kind: "blob" }, do: { kind: "ignore-range" } });
    assert.ok((await whileTimePasses(bench.clock, readAll(found(await bench.blob(NAME, blob.digest, asking)).blob))).equals(blob.bytes));
    assert.deepEqual([other.bodyBytes() >= BYTES, diskBytes(both)], [true, before]);
  });

  test("a blob on its way through one registry is read by itself through another, and the first that is proven serves both", async () => {
    await using both = await twoRegistries();
    const { bench, other, asking } = both;
    const blob = bench.registry.content.pushBlob(NAME, randomBlob("on its way", BYTES).bytes);
    other.content.pushBlob(NAME, blob.bytes);
    const { promise, resolve } = Promise.withResolvers<undefined>();
    bench.registry.fault({ when: { method: "GET" }, do: { kind: "hold", afterBytes: 1_000_000, until: promise } });
    const first = readAll(found(await bench.blob(NAME, blob.digest)).blob);
    await eventually(() => (bench.peers.running()[0]?.held ?? 0) > 0, "something is here");
    const second = bench.blob(NAME, blob.digest, asking).then((answer) => readAll(found(answer).blob));
    await eventually(() => getsOf(other) > 0, "it is asked");
    resolve(undefined);
    for (const bytes of await whileTimePasses(bench.clock, Promise.all([first, second]))) assert.ok(bytes.equals(blob.bytes));
    assert.ok(other.bodyBytes() <= BYTES + 4096, String(other.bodyBytes()));
  });

  test("its size is not told either: a HEAD is answered with what the other registry said", async () => {
    await using both = await twoRegistries();
    const { bench, other, asking } = both;
    const blob = await heldBlob(both);
    other.fault({ when: { method: "HEAD" }, do: { kind: "headers", set: { "content-length": "17" } } });
    assert.equal(found(await bench.blob(NAME, blob.digest, { ...asking, headOnly: true })).blob.size, 17);
  });

  test("a manifest is asked for whole, once; a registry that has other bytes gets nothing", async () => {
    await using both = await twoRegistries();
    const { bench, other, asking } = both;
    const image = buildImage({ layers: [{ bytes: 100, seed: 1 }] });
    for (const { content } of [bench.registry, other]) content.push(NAME, image, "v1");
    const { digest } = image.manifest;
    found(await bench.manifest(NAME, digest));
    const lie = other.fault({ when: { kind: "manifest", method: "GET" }, do: { kind: "corrupt", offset: 1 } });
    assert.equal(refusal(await bench.manifest(NAME, digest, asking))[0], 502);
    lie.remove();
    for (const _time of [1, 2]) assert.equal(found(await bench.manifest(NAME, digest, asking)).digest, digest);
    assert.equal(other.requests.filter(({ kind, method }) => kind === "manifest" && method === "GET").length, 2);
  });

  test("access.mode open: nobody has to show anything", async () => {
    await using other = await openScriptedRegistry();
    await using bench = await openBackendBench({ rights: { mode: "open" } }, [other]);
    const blob = bench.registry.content.pushBlob(NAME, randomBlob("open", BYTES).bytes);
    await readAll(found(await bench.blob(NAME, blob.digest)).blob);
    await eventually(() => bench.store.findComplete(blob.digest) !== undefined, "it is complete");
    assert.ok((await readAll(found(await bench.blob(NAME, blob.digest, { from: other })).blob)).equals(blob.bytes));
    assert.deepEqual(other.requests, []);
  });
});
