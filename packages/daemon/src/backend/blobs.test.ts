import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, pieceLength, pieceRange, type ByteRange } from "@darner/domain";
import { buildImage, fixtureBlob, noLeaks, randomBlob, sha256Of } from "@darner/testkit";
import { found, openBackendBench, refusal, type BackendBench } from "../../test/backend-bench.ts";
import { eventually, whileTimePasses } from "../../test/eventually.ts";
import { readAll, readOut } from "../../test/read-blob.ts";

noLeaks();

const NAME = "library/app";
const KIB = 1024;

const gets = (bench: BackendBench): string[] => bench.asked().filter((line) => line.startsWith("GET"));

test("case 41: a blob without bytes is there, and is fetched from nowhere", async () => {
  await using bench = await openBackendBench();
  const { digest } = bench.registry.content.pushBlob(NAME, new Uint8Array());
  for (const headOnly of [true, false]) {
    const { blob } = found(await bench.blob(NAME, digest, { headOnly }));
    assert.deepEqual([blob.size, (await readAll(blob)).length], [0, 0]);
  }
  assert.equal(gets(bench).length, 0);
});

test("case 41: a blob without bytes whose digest is another's is 502", async () => {
  await using bench = await openBackendBench();
  const manifest = { layers: [{ digest: randomBlob("full", 10).digest, size: 0, mediaType: "x/y" }] };
  const named = fixtureBlob(new TextEncoder().encode(JSON.stringify(manifest)), "application/vnd.oci.image.manifest.v1+json");
  bench.registry.content.pushManifest(NAME, named);
  await bench.manifest(NAME, named.digest);
  assert.deepEqual(refusal(await bench.blob(NAME, randomBlob("full", 10).digest)), [502, "BLOB_UNKNOWN"]);
});

test("case 36: the empty config of two bytes is an ordinary blob", async () => {
  await using bench = await openBackendBench();
  const { digest, bytes } = bench.registry.content.pushBlob(NAME, new TextEncoder().encode("{}"));
  assert.equal(digest, "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  assert.ok((await readAll(found(await bench.blob(NAME, digest)).blob)).equals(bytes));
});

test("case 50: HEAD of a cold blob tells its length without its bytes; where nobody tells, 502", async () => {
  await using bench = await openBackendBench();
  const { digest, size } = bench.registry.content.pushBlob(NAME, randomBlob(1, 300_000).bytes);
  assert.equal(found(await bench.blob(NAME, digest, { headOnly: true })).blob.size, size);
  assert.equal(bench.registry.bodyBytes(), 0);
  const other = bench.registry.content.pushBlob(NAME, randomBlob(2, 300_000).bytes);
  bench.registry.fault({ do: { kind: "chunked" } });
  bench.registry.fault({ do: { kind: "headers", set: { "content-length": undefined, "content-range": undefined } } });
  bench.registry.fault({ do: { kind: "ignore-range" } });
  assert.deepEqual(refusal(await bench.blob(NAME, other.digest, { headOnly: true })), [502, "BLOB_UNKNOWN"]);
});

test("case 56: any number of readers, whole and in ranges, are one download", async () => {
  await using bench = await openBackendBench();
  const { digest, bytes, size } = bench.registry.content.pushBlob(NAME, randomBlob(3, 3_000_000).bytes);
  const ranges: (ByteRange | undefined)[] = [
    undefined,
    undefined,
    { start: 0, end: 1 },
    { start: 1_000_000, end: 2_000_001 },
    { start: size - 1, end: size },
  ];
  const read = async (range: ByteRange | undefined): Promise<void> => {
    const { blob } = found(await bench.blob(NAME, digest));
    assert.ok((await readAll(blob, range)).equals(bytes.subarray(range?.start ?? 0, range?.end ?? size)));
  };
  await Promise.all(ranges.map(read));
  assert.equal(bench.registry.bodyBytes(), size, "the registry sent every byte once");
});

test("case 49: a range of a cold blob is read first", async () => {
  await using bench = await openBackendBench({ limits: { ownReadBytes: 1, ownReadPieces: 1, ownSourceReads: 1 } });
  const { digest, bytes, size } = bench.registry.content.pushBlob(NAME, randomBlob(4, 4_000_000).bytes);
  const range = { start: 2_500_000, end: 2_500_100 };
  assert.ok((await readAll(found(await bench.blob(NAME, digest)).blob, range)).equals(bytes.subarray(range.start, range.end)));
  const piece = Math.floor(range.start / pieceLength(size));
  assert.equal(gets(bench)[0]?.split("bytes=")[1], `${String(pieceRange(size, piece).start)}-${String(pieceRange(size, piece).end - 1)}`);
  assert.ok(bench.registry.bodyBytes() < size);
});

test("case 53: a blob that is wrong at its end is cut before its last byte, kept for nobody, and right at the next request", async () => {
  await using bench = await openBackendBench();
  const { digest, bytes, size } = bench.registry.content.pushBlob(NAME, randomBlob(5, 900_000).bytes);
  const wrong = bench.registry.fault({ when: { method: "GET" }, do: { kind: "corrupt", offset: size - 5 } });
  const { blob } = found(await bench.blob(NAME, digest));
  const { bytes: got, error } = await readOut(blob.read());
  blob.close();
  assert.ok(error instanceof Error && got.length < size);
  assert.ok(got.subarray(0, size - 5).equals(bytes.subarray(0, Math.min(got.length, size - 5))), "a strict prefix of what came");
  assert.equal(bench.store.findComplete(digest), undefined);
  wrong.remove();
  assert.ok((await whileTimePasses(bench.clock, readAll(found(await bench.blob(NAME, digest)).blob))).equals(bytes));
});

test("case 53: a registry that only sends wrong bytes is given up at the second, and a reader that has nothing yet is told 502", async () => {
  await using bench = await openBackendBench();
  const { digest } = bench.registry.content.pushBlob(NAME, randomBlob("one piece", 1).bytes);
  bench.registry.fault({ when: { method: "GET" }, do: { kind: "corrupt", offset: 0 } });
  for (const _try of [1, 2]) {
    const { blob } = found(await bench.blob(NAME, digest));
    const refused = await blob.ready();
    blob.close();
    assert.deepEqual([refused?.status, refused?.code], [502, "BLOB_UNKNOWN"]);
  }
  assert.equal(bench.peers.count, 0);
  assert.deepEqual(bench.store.list(), []);
});

test("case 51: a registry without Range is asked for the whole once, and every range is cut out of it", async () => {
  await using bench = await openBackendBench();
  const { digest, bytes } = bench.registry.content.pushBlob(NAME, randomBlob(6, 2_000_000).bytes);
  bench.registry.fault({ do: { kind: "ignore-range" } });
  const range = { start: 1_500_000, end: 1_500_010 };
  const { blob } = found(await bench.blob(NAME, digest));
  assert.ok((await whileTimePasses(bench.clock, readAll(blob, range))).equals(bytes.subarray(range.start, range.end)));
  assert.ok((await whileTimePasses(bench.clock, readAll(found(await bench.blob(NAME, digest)).blob))).equals(bytes));
  const whole = gets(bench).filter((line) => !line.includes("bytes="));
  assert.equal(whole.length, 1);
});

test("case 52: a stream that breaks goes on at the byte where it broke", async () => {
  await using bench = await openBackendBench();
  const { digest, bytes, size } = bench.registry.content.pushBlob(NAME, randomBlob(7, 1_500_000).bytes);
  bench.registry.fault({ when: { method: "GET" }, times: 1, do: { kind: "cut", afterBytes: 700_001 } });
  assert.ok((await readAll(found(await bench.blob(NAME, digest)).blob)).equals(bytes));
  assert.ok(bench.registry.bodyBytes() <= size + 64 * KIB);
});

test("case 55: a client that leaves ends a download that nobody else wants, and no other", async () => {
  await using bench = await openBackendBench({ limits: { ownReadBytes: 1, ownReadPieces: 1, ownSourceReads: 1 } });
  const { digest, bytes, size } = bench.registry.content.pushBlob(NAME, randomBlob(8, 4_000_000).bytes);
  const held = Promise.withResolvers<undefined>();
  bench.registry.fault({ when: { method: "GET" }, skip: 1, do: { kind: "hold", afterBytes: 0, until: held.promise } });
  const [leaving, staying] = [found(await bench.blob(NAME, digest)).blob, found(await bench.blob(NAME, digest)).blob];
  const [gone, stays] = [leaving.read(), staying.read()];
  assert.ok((await gone.read()) !== undefined);
  gone.close();
  leaving.close();
  held.resolve(undefined);
  assert.ok((await readOut(stays)).bytes.equals(bytes));
  staying.close();
  assert.equal(bench.registry.bodyBytes(), size);

  const other = bench.registry.content.pushBlob(NAME, randomBlob(9, 4_000_000).bytes);
  const { blob } = found(await bench.blob(NAME, other.digest));
  const reader = blob.read();
  assert.ok((await reader.read()) !== undefined);
  reader.close();
  blob.close();
  await whileTimePasses(
    bench.clock,
    eventually(() => bench.peers.count === 0, "nobody wants it, and it is over"),
  );
  assert.ok(bench.registry.bodyBytes() < 2 * size, "the rest of the second blob was not read");
});

test("case 57: a blob that does not fit is 503 before its first byte", async () => {
  await using bench = await openBackendBench({ storeBytes: 100_000 });
  const { digest } = bench.registry.content.pushBlob(NAME, randomBlob(10, 200_000).bytes);
  assert.deepEqual(refusal(await bench.blob(NAME, digest)), [503, "BLOB_UNKNOWN"]);
});

test("case 82: a login page in place of a blob is an early status, not a short body", async () => {
  await using bench = await openBackendBench();
  const { layers, manifest } = buildImage({ layers: [{ bytes: 100_000, seed: 1 }] });
  const digest = layers[0]?.digest ?? "";
  bench.registry.content.pushManifest(NAME, manifest);
  await bench.manifest(NAME, manifest.digest);
  bench.registry.fault({ when: { kind: "blob" }, do: { kind: "html" } });
  const { blob } = found(await bench.blob(NAME, digest));
  const refused = await whileTimePasses(bench.clock, blob.ready());
  blob.close();
  assert.ok(refused !== undefined && refused.status >= 502);
});

test("case 68: a registry that does not answer at all costs a reader without any byte two seconds, then 503", async () => {
  await using bench = await openBackendBench();
  const { digest } = bench.registry.content.pushBlob(NAME, randomBlob(11, 100_000).bytes);
  const fault = bench.registry.fault({ when: { method: "GET" }, do: { kind: "status", status: 503, headers: { "retry-after": "60" } } });
  const { blob } = found(await bench.blob(NAME, digest));
  const before = bench.clock.now();
  const refused = await whileTimePasses(bench.clock, blob.ready());
  blob.close();
  assert.equal(refused?.status, 503);
  assert.ok(bench.clock.now() - before <= 3000, String(bench.clock.now() - before));
  assert.ok(fault.struck > 0);
});

test("a size that the registry contradicts is an early status, and the right size works", async () => {
  await using bench = await openBackendBench();
  const { digest, bytes, size } = bench.registry.content.pushBlob(NAME, randomBlob(12, 100_000).bytes);
  const lie = { layers: [{ digest, size: size + 1, mediaType: "x/y" }] };
  const manifest = fixtureBlob(new TextEncoder().encode(JSON.stringify(lie)), "application/vnd.oci.image.manifest.v1+json");
  bench.registry.content.pushManifest("library/liar", manifest);
  bench.registry.content.pushBlob("library/liar", bytes);
  await bench.manifest("library/liar", manifest.digest);
  const { blob } = found(await bench.blob("library/liar", digest));
  const refused = await whileTimePasses(bench.clock, blob.ready());
  blob.close();
  assert.ok(refused !== undefined && refused.status >= 502);
  assert.ok((await readAll(found(await bench.blob(NAME, digest)).blob)).equals(bytes));
});

test("case 3: a blob of an algorithm nobody knows here is passed through with its ranges and kept nowhere", async () => {
  await using bench = await openBackendBench();
  const { digest, bytes, size } = bench.registry.content.pushBlob(NAME, randomBlob(13, 200_000).bytes);
  const unknown = digestOf(`sha256+b64u:${"a".repeat(43)}`);
  bench.registry.fault({ when: { path: unknown }, do: { kind: "redirect", to: { location: `/v2/${NAME}/blobs/${digest}` } } });
  assert.ok((await readAll(found(await bench.blob(NAME, unknown)).blob)).equals(bytes));
  const { blob } = found(await bench.blob(NAME, unknown));
  assert.equal(blob.size, size);
  for (const range of [
    { start: 100_000, end: 100_010 },
    { start: 0, end: 7 },
    { start: size - 3, end: size },
  ]) {
    assert.ok((await readOut(blob.read(range))).bytes.equals(bytes.subarray(range.start, range.end)));
  }
  blob.close();
  assert.deepEqual(bench.store.list(), []);
});

test("a blob on this host is served without a message to anybody, and counted as read from disk", async () => {
  await using bench = await openBackendBench();
  const { digest, bytes, size } = bench.registry.content.pushBlob(NAME, randomBlob(14, 600_000).bytes);
  await readAll(found(await bench.blob(NAME, digest)).blob);
  await eventually(() => bench.store.findComplete(digest) !== undefined, "it is complete");
  const before = [bench.asked().length, bench.link.reports.length];
  assert.ok((await readAll(found(await bench.blob(NAME, digest)).blob)).equals(bytes));
  assert.deepEqual([bench.asked().length, bench.link.reports.length], before);
  assert.match(await bench.metrics.metrics(), new RegExp(`darner_daemon_blob_bytes_total{from="disk"} ${String(size)}\\n`));
  assert.match(await bench.metrics.metrics(), new RegExp(`darner_daemon_store_bytes ${String(size)}\\n`));
  assert.equal(sha256Of(bytes), digest);
});

test("case 54: a response that is open while the blob completes reads on to the end, in several ranges too", async () => {
  await using bench = await openBackendBench();
  const { digest, bytes } = bench.registry.content.pushBlob(NAME, randomBlob(15, 1_000_000).bytes);
  const { blob } = found(await bench.blob(NAME, digest));
  assert.ok((await readOut(blob.read({ start: 0, end: 10 }))).bytes.equals(bytes.subarray(0, 10)));
  await readAll(found(await bench.blob(NAME, digest)).blob);
  await eventually(() => bench.store.findComplete(digest) !== undefined && bench.peers.count === 0, "the peer is over");
  assert.ok((await readOut(blob.read({ start: 999_000, end: 1_000_000 }))).bytes.equals(bytes.subarray(999_000)));
  blob.close();
});
