import assert from "node:assert/strict";
import { test } from "node:test";
import type { OpenBlob } from "@darner/mirror";
import { noLeaks, openScriptedRegistry, randomBlob, type FixtureBlob, type ScriptedRegistry } from "@darner/testkit";
import { found, openBackendBench, type BackendBench } from "../../test/backend-bench.ts";
import { eventually, whileTimePasses } from "../../test/eventually.ts";
import { readAll, readOut, type ReadOut } from "../../test/read-blob.ts";

noLeaks();

const NAME = "library/app";
const SIZE = 1_500_000;
const WRONG_AT = 10;

type Bench = AsyncDisposable & { readonly bench: BackendBench; readonly evil: ScriptedRegistry; readonly blob: FixtureBlob };

/** An honest registry, the bench's own, and an evil one that has the same digest with one other byte. */
async function openBench(evilBytes?: Uint8Array): Promise<Bench> {
  await using births = new AsyncDisposableStack();
  const evil = births.use(await openScriptedRegistry());
  const bench = births.use(await openBackendBench({}, [evil]));
  const blob = bench.registry.content.pushBlob(NAME, randomBlob("well-known layer", SIZE).bytes);
  evil.content.pushBlob(NAME, blob.bytes);
  if (evilBytes === undefined) evil.fault({ when: { kind: "blob", method: "GET" }, do: { kind: "corrupt", offset: WRONG_AT } });
  const lives = births.move();
  return { bench, evil, blob, [Symbol.asyncDispose]: () => lives.disposeAsync() };
}

async function openFrom(bench: BackendBench, blob: FixtureBlob, from: ScriptedRegistry): Promise<OpenBlob> {
  return found(await bench.blob(NAME, blob.digest, { from })).blob;
}

async function readThrough(blob: OpenBlob): Promise<ReadOut> {
  const read = await readOut(blob.read());
  blob.close();
  return read;
}

/** Holds every answer of a registry with bytes after so many of them, until told. */
function hold(registry: ScriptedRegistry, afterBytes: number): () => void {
  const held = Promise.withResolvers<undefined>();
  const fault = registry.fault({ when: { kind: "blob", method: "GET" }, do: { kind: "hold", afterBytes, until: held.promise } });
  return () => {
    fault.remove();
    held.resolve(undefined);
  };
}

test("evil first: the honest pull on the same host is right at once, costs one copy, and the evil reader never gets a right end", async () => {
  await using open = await openBench();
  const { bench, evil, blob } = open;
  const letGo = hold(evil, 700_000);
  const poisoned = await openFrom(bench, blob, evil);
  const evilRead = readThrough(poisoned);
  await eventually(() => evil.bodyBytes() >= 700_000, "the evil bytes are on their way");
  const honest = await openFrom(bench, blob, bench.registry);
  assert.equal(honest.size, SIZE, "with its length, as ever");
  assert.ok((await readAll(honest)).equals(blob.bytes));
  assert.equal(bench.registry.bodyBytes(), SIZE);
  assert.deepEqual(bench.store.findComplete(blob.digest), { digest: blob.digest, size: SIZE });
  letGo();
  const { bytes, error } = await evilRead;
  assert.ok(error instanceof Error && bytes.length < SIZE, "what was given wrong is not ended well");
  assert.ok((await readAll(await openFrom(bench, blob, evil))).equals(blob.bytes), "and from then on everybody has the right ones");
});

test("honest first: the evil pull reads its own and harms nobody", async () => {
  await using open = await openBench();
  const { bench, evil, blob } = open;
  const letGo = hold(bench.registry, 700_000);
  const honest = readAll(await openFrom(bench, blob, bench.registry));
  await eventually(() => bench.registry.bodyBytes() >= 700_000, "the honest bytes are on their way");
  const evilRead = await readThrough(await openFrom(bench, blob, evil));
  assert.ok(evilRead.error instanceof Error && evilRead.bytes.length < SIZE);
  letGo();
  assert.ok((await honest).equals(blob.bytes));
  assert.equal(bench.registry.bodyBytes(), SIZE);
});

test("two honest registries: when the peer is proven first, the other stream goes on with its bytes and reads no more of its own", async () => {
  await using open = await openBench(new Uint8Array());
  const { bench, evil: other, blob } = open;
  const letGoFirst = hold(bench.registry, 0);
  const first = readAll(await openFrom(bench, blob, bench.registry));
  const letGoOther = hold(other, 700_000);
  const second = await openFrom(bench, blob, other);
  const reader = second.read({ start: 600_000, end: SIZE });
  const begun = await reader.read();
  assert.ok(begun !== undefined);
  const head = Buffer.from(begun.bytes);
  begun.release();
  letGoFirst();
  assert.ok((await first).equals(blob.bytes));
  const { bytes, error } = await readOut(reader);
  assert.equal(error, undefined);
  assert.ok(Buffer.concat([head, bytes]).equals(blob.bytes.subarray(600_000)));
  second.close();
  letGoOther();
  assert.ok(other.bodyBytes() < SIZE);
});

test("two honest registries: when the stream is proven first, the peer's readers go on with its bytes to the end", async () => {
  await using open = await openBench(new Uint8Array());
  const { bench, evil: other, blob } = open;
  const letGo = hold(bench.registry, 600_000);
  const first = await openFrom(bench, blob, bench.registry);
  const reader = first.read();
  const begun = await reader.read();
  assert.ok(begun !== undefined);
  const head = Buffer.from(begun.bytes);
  begun.release();
  assert.ok((await readAll(await openFrom(bench, blob, other))).equals(blob.bytes));
  const { bytes, error } = await readOut(reader);
  assert.equal(error, undefined);
  assert.ok(Buffer.concat([head, bytes]).equals(blob.bytes));
  first.close();
  letGo();
  assert.equal(bench.peers.count, 0);
});

test("another size of the digest is another task: the honest one is right, whoever came first", async () => {
  for (const isEvilFirst of [true, false]) {
    await using open = await openBench(new Uint8Array());
    const { bench, evil, blob } = open;
    const named = { layers: [{ digest: blob.digest, size: SIZE - 1000, mediaType: "x/y" }] };
    const manifest = evil.content.pushBlob(NAME, Buffer.from(JSON.stringify(named)));
    evil.content.pushManifest(NAME, { ...manifest, mediaType: "application/vnd.oci.image.manifest.v1+json" });
    await bench.manifest(NAME, manifest.digest, { from: evil });
    const evilRead = async (): Promise<void> => {
      const opened = await openFrom(bench, blob, evil);
      if (opened.size !== SIZE) assert.equal(opened.size, SIZE - 1000);
      const refused = await opened.ready();
      const read = refused === undefined ? await readOut(opened.read()) : undefined;
      opened.close();
      // Nobody gets an end of it that is not the blob's own.
      if (read !== undefined && read.error === undefined) assert.ok(read.bytes.equals(blob.bytes));
    };
    const honestRead = async (): Promise<void> => {
      assert.ok((await readAll(await openFrom(bench, blob, bench.registry))).equals(blob.bytes));
    };
    const reads = isEvilFirst ? [evilRead(), honestRead()] : [honestRead(), evilRead()];
    await whileTimePasses(bench.clock, Promise.all(reads));
    assert.equal(bench.registry.bodyBytes(), SIZE);
    await eventually(() => bench.store.findComplete(blob.digest)?.size === SIZE, "it is in its place");
  }
});

test("what an evil registry left half read on the disk is not taken for the honest one's", async () => {
  await using open = await openBench();
  const { bench, evil, blob } = open;
  const letGo = hold(evil, 700_000);
  const left = await openFrom(bench, blob, evil);
  const reader = left.read();
  (await reader.read())?.release();
  reader.close();
  left.close();
  const over = eventually(() => bench.peers.count === 0, "the peer of the reader that left is over");
  await whileTimePasses(bench.clock, over);
  assert.equal(bench.store.list()[0]?.facts.registry, evil.host);
  assert.ok((await readAll(await openFrom(bench, blob, bench.registry))).equals(blob.bytes));
  letGo();
  assert.equal(bench.registry.bodyBytes(), SIZE);
});
