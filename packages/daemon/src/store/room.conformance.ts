import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { StoppedClock } from "@darner/testkit";

import type { BlobStore } from "./store.ts";
import { StoreError } from "./store-error.ts";
import { store, takeIn, testBlob, type TestBlob } from "./writing.conformance.ts";

/** What a test wants of the store it opens. */
export type StoreWish = {
  readonly maxBytes?: number;
  readonly minFreeBytes?: number;
  readonly freeBytes?: () => number;
  readonly clock?: () => number;
};

/** Opens a new, empty store that is closed when the test ends. */
export type OpenStore = (t: TestContext, wish?: StoreWish) => Promise<BlobStore>;

const KIB = 1024;
const MINUTE_MS = 60_000;

/** What every blob store keeps to when there is little room. */
export function describeRoom(open: OpenStore): void {
  test("the least recently used complete blobs go first", async (t) => {
    const blobs = await open(t, { maxBytes: 300 * KIB });
    const [a, b, c, d] = [0, 1, 2, 3].map((seed) => testBlob(seed, 100 * KIB)) as [TestBlob, TestBlob, TestBlob, TestBlob];
    const dropped: string[] = [];
    blobs.onDropped(({ digest }) => dropped.push(digest));
    for (const content of [a, b, c]) await store(blobs, content);
    blobs.open(a.task)?.[Symbol.dispose]();
    await store(blobs, d);
    assert.deepEqual(dropped, [b.task.digest]);
    assert.equal(blobs.findComplete(b.task.digest), undefined);
    assert.deepEqual(blobs.usage, { bytes: 300 * KIB, blobs: 3, maxBytes: 300 * KIB });
  });

  test("what is held is never evicted, and where nothing else can go there is no room", async (t) => {
    const blobs = await open(t, { maxBytes: 300 * KIB });
    const [a, b, c] = [0, 1, 2].map((seed) => testBlob(seed, 100 * KIB)) as [TestBlob, TestBlob, TestBlob];
    for (const content of [a, b, c]) await store(blobs, content);
    using first = blobs.open(a.task);
    using second = blobs.open(b.task);
    await assertNoRoom(blobs, testBlob(4, 200 * KIB));
    assert.deepEqual(held(blobs), [a, b, c].map(({ task }) => task.digest).sort(), "nothing goes for what cannot fit");
    await store(blobs, testBlob(5, 90 * KIB));
    assert.equal(blobs.findComplete(c.task.digest), undefined);
    assert.ok(first?.complete === true && second?.complete === true);
    await assertNoRoom(blobs, testBlob(6, 301 * KIB));
  });

  test("what is pinned is not evicted before its time, and a shorter pin does not end a longer one", async (t) => {
    const clock = new StoppedClock();
    const blobs = await open(t, { maxBytes: 200 * KIB, clock: () => clock.now() });
    const [a, b] = [0, 1].map((seed) => testBlob(seed, 100 * KIB)) as [TestBlob, TestBlob];
    for (const content of [a, b]) await store(blobs, content);
    blobs.pin(a.task, 10 * MINUTE_MS);
    blobs.pin(a.task, MINUTE_MS);
    blobs.pin(testBlob(7, 100 * KIB).task, MINUTE_MS);
    await assertNoRoom(blobs, testBlob(2, 150 * KIB));
    clock.advance(9 * MINUTE_MS);
    await store(blobs, testBlob(3, 100 * KIB));
    assert.deepEqual(held(blobs), [a, testBlob(3, 100 * KIB)].map(({ task }) => task.digest).sort());
    clock.advance(MINUTE_MS);
    await store(blobs, testBlob(4, 150 * KIB));
    assert.equal(blobs.findComplete(a.task.digest), undefined);
  });

  test("a piece being written holds its blob after its handle has let go", async (t) => {
    const blobs = await open(t, { maxBytes: 100 * KIB });
    const content = testBlob("writer", 100 * KIB);
    const blob = await blobs.openOrCreate(content.task, {});
    const writer = blob.writePiece(0);
    blob[Symbol.dispose]();
    await assertNoRoom(blobs, testBlob("other", 50 * KIB));
    writer.abort();
    await store(blobs, testBlob("other", 50 * KIB));
    assert.equal(blobs.open(content.task), undefined);
  });

  test("halves that nobody came back for go before complete blobs, fresh halves after them", async (t) => {
    const clock = new StoppedClock();
    const blobs = await open(t, { maxBytes: 300 * KIB, clock: () => clock.now() });
    const [old, whole, fresh] = ["old", "whole", "fresh"].map((seed) => testBlob(seed, 100 * KIB)) as [TestBlob, TestBlob, TestBlob];
    const dropped: string[] = [];
    blobs.onDropped(({ digest }) => dropped.push(digest));
    await store(blobs, whole);
    (await blobs.openOrCreate(old.task, {}))[Symbol.dispose]();
    clock.advance(11 * MINUTE_MS);
    (await blobs.openOrCreate(fresh.task, {}))[Symbol.dispose]();
    using first = await blobs.openOrCreate(testBlob(1, 100 * KIB).task, {});
    using second = await blobs.openOrCreate(testBlob(2, 100 * KIB).task, {});
    using third = await blobs.openOrCreate(testBlob(3, 100 * KIB).task, {});
    assert.deepEqual(dropped, [old.task.digest, whole.task.digest, fresh.task.digest]);
    assert.deepEqual(
      [first, second, third].map(({ complete }) => complete),
      [false, false, false],
    );
  });

  test("what was begun can end: its whole size is reserved from the start", async (t) => {
    const blobs = await open(t, { maxBytes: 600 * KIB });
    const begun = testBlob("begun", 500 * KIB);
    using blob = await blobs.openOrCreate(begun.task, {});
    await assertNoRoom(blobs, testBlob("too much", 101 * KIB));
    assert.equal(blobs.usage.bytes, 0);
    await takeIn(blob, begun);
    await blob.markComplete();
    assert.equal(blobs.usage.bytes, 500 * KIB);
  });

  test("blobs go too when others fill the disk", async (t) => {
    let freeBytes = 1000 * KIB;
    const blobs = await open(t, { minFreeBytes: 500 * KIB, freeBytes: () => freeBytes });
    const [a, b] = [0, 1].map((seed) => testBlob(seed, 100 * KIB)) as [TestBlob, TestBlob];
    for (const content of [a, b]) await store(blobs, content);
    freeBytes = 550 * KIB;
    await store(blobs, testBlob(2, 100 * KIB));
    assert.equal(blobs.findComplete(a.task.digest), undefined);
    assert.deepEqual(blobs.findComplete(b.task.digest), b.task);
    freeBytes = 100 * KIB;
    await assertNoRoom(blobs, testBlob(3, 10 * KIB));
  });

  test("a spool takes part in the budget while it grows", async (t) => {
    const blobs = await open(t, { maxBytes: 300 * KIB });
    const [a, b] = [0, 1].map((seed) => testBlob(seed, 100 * KIB)) as [TestBlob, TestBlob];
    for (const content of [a, b]) await store(blobs, content);
    const spool = await blobs.spool();
    await spool.append(new Uint8Array(150 * KIB));
    assert.deepEqual(held(blobs), [b.task.digest]);
    await spool.append(new Uint8Array(140 * KIB));
    assert.deepEqual(held(blobs), []);
    await assert.rejects(spool.append(new Uint8Array(100 * KIB)), isNoSpace);
    await spool.discard();
    await store(blobs, testBlob("after", 290 * KIB));
  });

  test("blobs of many sizes opened at once never exceed the budget", async (t) => {
    const maxBytes = 1000 * KIB;
    const blobs = await open(t, { maxBytes });
    const contents = Array.from({ length: 40 }, (_, seed) => testBlob(seed, (seed % 7) * 30 * KIB));
    const outcomes = await Promise.allSettled(
      contents.map(async (content) => {
        await store(blobs, content);
        assert.ok(blobs.usage.bytes <= maxBytes);
      }),
    );
    for (const outcome of outcomes) assert.ok(outcome.status === "fulfilled" || isNoSpace(outcome.reason));
    assert.ok(blobs.list().length > 0);
    const sum = blobs.list().reduce((bytes, { task }) => bytes + task.size, 0);
    assert.equal(sum, blobs.usage.bytes, "what is listed is what is counted");
  });
}

function held(blobs: BlobStore): string[] {
  return blobs
    .list()
    .map(({ task }) => task.digest)
    .sort();
}

function isNoSpace(error: unknown): boolean {
  return error instanceof StoreError && error.detail.code === "no-space";
}

async function assertNoRoom(blobs: BlobStore, { task }: TestBlob): Promise<void> {
  await assert.rejects(blobs.openOrCreate(task, {}), isNoSpace);
}
