import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { pieceCount } from "@darner/domain";

import { describeRoom, type OpenStore } from "./room.conformance.ts";
import { StoreError } from "./store-error.ts";
import { allPieces, bytesOfPiece, claimsHold, feed, readBytes, store, takeIn, testBlob, writePiece } from "./writing.conformance.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** What every blob store keeps to. */
export function describeStore(name: string, open: OpenStore): void {
  describe(name, () => {
    describeBlobs(open);
    describeRivals(open);
    describeWholes(open);
    describeEnds(open);
    describeRoom(open);
  });
}

function describeBlobs(open: OpenStore): void {
  test("a blob grows piece by piece and completes", async (t) => {
    const blobs = await open(t);
    const content = testBlob("grows", 3 * MIB + 5);
    const told: (number | undefined)[] = [];
    using blob = await blobs.openOrCreate(content.task, { registry: "registry.local:5000" });
    blob.onVerified((piece) => told.push(piece));
    const order = allPieces(content).reverse();
    await takeIn(blob, content, order);
    assert.deepEqual(told, order);
    assert.equal(blobs.findComplete(content.task.digest), undefined);
    await blob.markComplete();
    assert.equal(blob.complete, true);
    assert.deepEqual(blobs.findComplete(content.task.digest), content.task);
    assert.deepEqual(await readBytes(blob), content.bytes);
    assert.deepEqual(await readBytes(blob, 1000, 300_000), content.bytes.subarray(1000, 300_000));
    assert.equal(blob.hashes().length, pieceCount(content.task.size));
    assert.equal(await claimsHold(blob), true);
    assert.deepEqual(blob.facts, { registry: "registry.local:5000" });
  });

  test("the summary tells of halves and wholes", async (t) => {
    const blobs = await open(t);
    const [half, whole] = [testBlob("half", MIB), testBlob("whole", 10)];
    await store(blobs, whole);
    using blob = await blobs.openOrCreate(half.task, { mediaType: "a/b" });
    await takeIn(blob, half, [1, 3]);
    const seen = new Map(blobs.list().map((summary) => [summary.task.digest, summary]));
    assert.deepEqual([...(seen.get(half.task.digest)?.have ?? [])], [1, 3]);
    assert.equal(seen.get(half.task.digest)?.complete, false);
    assert.deepEqual(seen.get(half.task.digest)?.facts, { mediaType: "a/b" });
    assert.deepEqual([...(seen.get(whole.task.digest)?.have ?? [])], [0]);
    assert.equal(seen.get(whole.task.digest)?.complete, true);
    assert.deepEqual(blobs.usage, { bytes: MIB / 2 + 10, blobs: 2, maxBytes: blobs.usage.maxBytes });
  });

  test("all who open a blob at once hold the same one", async (t) => {
    const blobs = await open(t);
    const content = testBlob("same", 600 * KIB);
    const [first, second] = await Promise.all([blobs.openOrCreate(content.task, {}), blobs.openOrCreate(content.task, {})]);
    await takeIn(first, content, [2]);
    assert.equal(second.have.has(2), true);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    await takeIn(second, content, [0, 1]);
    await second.markComplete();
    assert.equal(blobs.open(content.task)?.complete, true);
    second[Symbol.dispose]();
  });

  test("many pieces are written at once", async (t) => {
    const blobs = await open(t);
    const content = testBlob("at once", 5 * MIB);
    using blob = await blobs.openOrCreate(content.task, {});
    await Promise.all(allPieces(content).map((piece) => takeIn(blob, content, [piece])));
    await blob.markComplete();
    assert.deepEqual(await readBytes(blob), content.bytes);
  });

  test("an empty blob is whole from the start", async (t) => {
    const blobs = await open(t);
    const content = testBlob("empty", 0);
    using blob = await blobs.openOrCreate(content.task, {});
    assert.equal(blob.have.isFull, true);
    await blob.markComplete();
    assert.deepEqual(blobs.findComplete(content.task.digest), content.task);
    assert.deepEqual(await readBytes(blob), new Uint8Array(0));
  });
}

function describeRivals(open: OpenStore): void {
  test("only what was written with its hash can be claimed", async (t) => {
    const blobs = await open(t);
    const content = testBlob("claim", 600 * KIB);
    using blob = await blobs.openOrCreate(content.task, {});
    const hash = await writePiece(blob, 0, bytesOfPiece(content, 0));
    assert.throws(() => blob.markVerified([{ piece: 1, hash }]));
    assert.throws(() => blob.markVerified([{ piece: 0, hash: new Uint8Array(32) }]));
    assert.equal(blob.have.count, 0);
    await assert.rejects(blob.markComplete());
  });

  test("a second writer that ends first wins, and the first one's late bytes touch nothing", async (t) => {
    const blobs = await open(t);
    const content = testBlob("hedge", 600 * KIB);
    const right = bytesOfPiece(content, 0);
    using blob = await blobs.openOrCreate(content.task, {});
    const liar = blob.writePiece(0);
    await feed(liar, new Uint8Array(1000));
    blob.markVerified([{ piece: 0, hash: await writePiece(blob, 0, right) }]);
    await feed(liar, new Uint8Array(right.length - 1000));
    await liar.finish();
    assert.deepEqual(await readBytes(blob, 0, right.length), right);
    assert.equal(await claimsHold(blob), true);
  });

  test("what was written in full keeps its place until it is judged, whoever still writes there", async (t) => {
    const blobs = await open(t);
    const content = testBlob("judged", 600 * KIB);
    const right = bytesOfPiece(content, 0);
    using blob = await blobs.openOrCreate(content.task, {});
    const [first, second] = [blob.writePiece(0), blob.writePiece(0)];
    await feed(first, new Uint8Array(1000));
    const hash = await writePiece(blob, 0, right);
    for (const liar of [first, second]) {
      await feed(liar, new Uint8Array(liar === first ? right.length - 1000 : right.length));
      await assert.rejects(liar.finish(), (error) => error instanceof StoreError && error.detail.code === "piece-superseded");
    }
    blob.markVerified([{ piece: 0, hash }]);
    assert.equal(await claimsHold(blob), true);
  });

  test("a second writer that lies leaves nothing that could be claimed in its stead", async (t) => {
    const blobs = await open(t);
    const content = testBlob("liar", 600 * KIB);
    const right = bytesOfPiece(content, 1);
    using blob = await blobs.openOrCreate(content.task, {});
    const first = blob.writePiece(1);
    await feed(first, right.subarray(0, 1000));
    await writePiece(blob, 1, new Uint8Array(right.length));
    await feed(first, right.subarray(1000));
    await assert.rejects(first.finish(), (error) => error instanceof StoreError && error.detail.code === "piece-superseded");
    blob.markVerified([{ piece: 1, hash: await writePiece(blob, 1, right) }]);
    assert.equal(await claimsHold(blob), true);
  });

  test("rivals that tell the truth all end well, in whatever order", async (t) => {
    const blobs = await open(t);
    const content = testBlob("rivals", 300 * KIB);
    using blob = await blobs.openOrCreate(content.task, {});
    const right = bytesOfPiece(content, 0);
    const writers = [0, 1, 2, 3].map(() => blob.writePiece(0));
    for (const writer of writers) await feed(writer, right.subarray(0, 100_000));
    for (const writer of writers.reverse()) {
      await feed(writer, right.subarray(100_000));
      blob.markVerified([{ piece: 0, hash: await writer.finish() }]);
    }
    assert.deepEqual(await readBytes(blob, 0, right.length), right);
  });

  test("what a writer that gave up has written does not count", async (t) => {
    const blobs = await open(t);
    const content = testBlob("given up", 300 * KIB);
    using blob = await blobs.openOrCreate(content.task, {});
    const writer = blob.writePiece(1);
    await feed(writer, bytesOfPiece(content, 1).subarray(0, 5));
    writer.abort();
    await assert.rejects(writer.finish());
    await takeIn(blob, content);
    assert.equal(await claimsHold(blob), true);
  });
}

function describeWholes(open: OpenStore): void {
  test("a manifest is put in one go, with its media type, once or twice", async (t) => {
    const blobs = await open(t);
    const content = testBlob("manifest", 700);
    const facts = { mediaType: "application/vnd.oci.image.manifest.v1+json" };
    await Promise.all([blobs.put(content.task, content.bytes, facts), blobs.put(content.task, content.bytes, facts)]);
    await blobs.put(content.task, content.bytes, facts);
    using blob = blobs.open(content.task);
    assert.ok(blob);
    assert.deepEqual(blob.facts, facts);
    assert.deepEqual(await readBytes(blob), content.bytes);
    assert.equal(blobs.usage.bytes, 700);
  });

  test("a put finds the blob half there and completes it for those who hold it", async (t) => {
    const blobs = await open(t);
    const content = testBlob("half put", 600 * KIB);
    using blob = await blobs.openOrCreate(content.task, { registry: "a" });
    await takeIn(blob, content, [1]);
    await blobs.put(content.task, content.bytes, { registry: "b", mediaType: "c/d" });
    assert.equal(blob.complete, true);
    assert.deepEqual(blob.facts, { registry: "a", mediaType: "c/d" });
    assert.deepEqual(await readBytes(blob), content.bytes);
  });

  test("a spool becomes the complete blob of its digest", async (t) => {
    const blobs = await open(t);
    const content = testBlob("spool", 700 * KIB);
    const spool = await blobs.spool();
    for (let at = 0; at < content.bytes.length; at += 100_000) await spool.append(content.bytes.subarray(at, at + 100_000));
    assert.equal(spool.bytes, content.bytes.length);
    const into = new Uint8Array(10);
    await spool.read(99_995, into);
    assert.deepEqual(into, content.bytes.subarray(99_995, 100_005));
    assert.equal(blobs.usage.bytes, content.bytes.length);
    await spool.adopt(content.task.digest, { mediaType: "x/y" });
    using blob = blobs.open(content.task);
    assert.equal(blob?.complete, true);
    assert.deepEqual(blob.facts, { mediaType: "x/y" });
    assert.deepEqual(await readBytes(blob), content.bytes);
    assert.deepEqual(blob.hashes(), []);
    assert.equal(blobs.usage.bytes, content.bytes.length);
  });

  test("a spool whose blob is on its way in already fills that one", async (t) => {
    const blobs = await open(t);
    const content = testBlob("spool meets blob", 700 * KIB);
    using blob = await blobs.openOrCreate(content.task, {});
    await takeIn(blob, content, [0]);
    for (const round of ["incoming", "complete"]) {
      const spool = await blobs.spool();
      await spool.append(content.bytes);
      await spool.adopt(content.task.digest, {});
      assert.equal(blob.complete, true, round);
      assert.equal(blobs.usage.bytes, content.bytes.length, round);
    }
    assert.deepEqual(await readBytes(blob), content.bytes);
  });

  test("what a put or a spool brings is proven: other bytes that were there under a table nobody had proven give way to it", async (t) => {
    for (const way of ["put", "spool"]) {
      const blobs = await open(t);
      const content = testBlob("proven", 700 * KIB);
      using wrong = await blobs.openOrCreate(content.task, { registry: "evil" });
      await takeIn(wrong, { ...testBlob("poison", 700 * KIB), task: content.task }, [1]);
      if (way === "put") await blobs.put(content.task, content.bytes, { registry: "honest" });
      else {
        const spool = await blobs.spool();
        await spool.append(content.bytes);
        await spool.adopt(content.task.digest, { registry: "honest" });
      }
      assert.equal(wrong.have.count, 0, way);
      using blob = blobs.open(content.task);
      assert.deepEqual([blob?.complete, blob?.facts.registry], [true, "honest"]);
      assert.deepEqual(blob === undefined ? undefined : await readBytes(blob), content.bytes);
    }
  });

  test("a discarded spool leaves nothing", async (t) => {
    const blobs = await open(t);
    const spool = await blobs.spool();
    await spool.append(new Uint8Array(1000));
    await spool.discard();
    await spool.discard();
    await assert.rejects(spool.append(new Uint8Array(1)));
    assert.deepEqual([blobs.usage.bytes, blobs.list().length], [0, 0]);
  });
}

function describeEnds(open: OpenStore): void {
  test("a quarantined blob is gone at once for all who hold it, and may come in anew", async (t) => {
    const blobs = await open(t);
    const content = testBlob("quarantine", 600 * KIB);
    const dropped: string[] = [];
    blobs.onDropped(({ digest }) => dropped.push(digest));
    using blob = await blobs.openOrCreate(content.task, {});
    const told: (number | undefined)[] = [];
    blob.onVerified((piece) => told.push(piece));
    await takeIn(blob, content, [0]);
    const writer = blob.writePiece(1);
    const gone = blob.quarantine("the digest is another");
    assert.equal(blobs.open(content.task), undefined);
    assert.equal(blob.have.count, 0);
    await gone;
    assert.deepEqual(told, [0, undefined]);
    assert.deepEqual(dropped, [content.task.digest]);
    assert.equal(blobs.usage.bytes, 0);
    await assert.rejects(readBytes(blob), (error) => error instanceof StoreError && error.detail.code === "blob-missing");
    writer.abort();
    await store(blobs, content);
    using again = blobs.open(content.task);
    assert.deepEqual(again === undefined ? undefined : await readBytes(again), content.bytes);
  });

  test("a writer that comes too late harms nothing: for a complete blob it ends well, for one that is gone it fails", async (t) => {
    const blobs = await open(t);
    const content = testBlob("late", 600 * KIB);
    using blob = await blobs.openOrCreate(content.task, {});
    await takeIn(blob, content);
    await blob.markComplete();
    await writePiece(blob, 0, new Uint8Array(256 * KIB));
    assert.deepEqual(await readBytes(blob), content.bytes);
    await blob.quarantine("to see what comes then");
    await assert.rejects(
      writePiece(blob, 0, bytesOfPiece(content, 0)),
      (error) => error instanceof StoreError && error.detail.code === "blob-missing",
    );
    assert.throws(() => blob.writePiece(3));
  });

  test("whoever stopped listening, or let go, hears no more", async (t) => {
    const blobs = await open(t);
    const content = testBlob("listeners", 600 * KIB);
    const heard: string[] = [];
    using writer = await blobs.openOrCreate(content.task, {});
    const other = await blobs.openOrCreate(content.task, {});
    const stop = writer.onVerified((piece) => heard.push(`stopped ${String(piece)}`));
    other.onVerified((piece) => heard.push(`let go ${String(piece)}`));
    await takeIn(writer, content, [0]);
    stop();
    other[Symbol.dispose]();
    await takeIn(writer, content, [1]);
    assert.deepEqual(heard, ["stopped 0", "let go 0"]);
    assert.throws(() => other.hashes());
  });

  test("a closed store opens nothing", async (t) => {
    const blobs = await open(t);
    const content = testBlob("closed", 100);
    await store(blobs, content);
    await blobs[Symbol.asyncDispose]();
    await blobs[Symbol.asyncDispose]();
    assert.equal(blobs.open(content.task), undefined);
    await assert.rejects(blobs.openOrCreate(content.task, {}), (error) => error instanceof StoreError && error.detail.code === "closed");
  });
}
