import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Task } from "@darner/domain";
import { capturedLog, noLeaks, openTempDir, randomBlob, StoppedClock, type FixtureBlob } from "@darner/testkit";
import { eventually } from "../../../test/eventually.ts";
import { openDiskStore } from "../disk-store.ts";
import { fillBlob } from "../fill-blob.ts";
import { inlineProver } from "../inline-prover.ts";
import type { BlobStore } from "../store.ts";
import { FirstUse } from "./first-use.ts";
import { Scrubber } from "./scrubber.ts";

noLeaks();

const KIB = 1024;
const taskOf = ({ digest, size }: FixtureBlob): Task => ({ digest, size });

/** A store that is opened twice, with complete blobs in it; `between` happens while no process looks. */
async function reopened(
  t: TestContext,
  blobs: readonly FixtureBlob[],
  between: (dir: string) => Promise<void>,
): Promise<{ readonly store: BlobStore; readonly dir: string }> {
  const dir = await openTempDir();
  const config = { dir: dir.path, maxBytes: 1024 ** 3, minFreeBytes: 0 };
  const first = await openDiskStore(config, { log: capturedLog() });
  for (const blob of blobs) {
    using stored = await first.openOrCreate(taskOf(blob), { registry: "one.example" });
    await fillBlob(stored, {
      read: (offset, into) => {
        into.set(blob.bytes.subarray(offset, offset + into.length));
        return Promise.resolve();
      },
    });
    await stored.markComplete();
  }
  await first[Symbol.asyncDispose]();
  await between(dir.path);
  const store = await openDiskStore(config, { log: capturedLog() });
  t.after(async () => {
    await store[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });
  return { store, dir: dir.path };
}

async function flip(dir: string, { digest }: FixtureBlob, at: number): Promise<void> {
  const path = join(dir, "blobs", "sha256", digest.slice("sha256:".length));
  const bytes = await readFile(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

test("a blob that changed while the process was down is found at its first use, put aside and gone from the store", async (t) => {
  const [good, bad] = [randomBlob("good", 700 * KIB), randomBlob("bad", 700 * KIB)];
  const { store, dir } = await reopened(t, [good, bad], (at) => flip(at, bad, 600 * KIB));
  const rotten: Task[] = [];
  await using prover = inlineProver();
  await using firstUse = new FirstUse({ store, prover, log: capturedLog(), onRotten: (task) => rotten.push(task) });
  assert.equal(firstUse.unchecked, 2);
  for (const blob of [good, bad]) {
    using stored = store.open(taskOf(blob));
    assert.ok(stored !== undefined);
    const check = firstUse.of(stored);
    assert.ok(check !== undefined);
    const right = await check.ended;
    assert.deepEqual([right, check.isRight(), check.have.count], blob === good ? [true, true, 3] : [false, false, 2]);
    assert.equal(firstUse.of(stored), undefined, "a blob is checked once");
  }
  assert.deepEqual(rotten, [taskOf(bad)]);
  assert.equal(store.findComplete(bad.digest), undefined);
  assert.deepEqual(await readdir(join(dir, "quarantine")), [bad.digest.replace(":", "-")]);
});

test("a blob that was completed in this life of the process needs no check", async (t) => {
  const { store } = await reopened(t, [], () => Promise.resolve());
  await using prover = inlineProver();
  await using firstUse = new FirstUse({ store, prover, log: capturedLog(), onRotten: () => undefined });
  const blob = randomBlob("fresh", 1000);
  await store.put(taskOf(blob), blob.bytes, {});
  using stored = store.open(taskOf(blob));
  assert.ok(stored !== undefined);
  assert.equal(firstUse.of(stored), undefined);
});

test("the quarantine keeps the latest four files", async (t) => {
  const blobs = Array.from({ length: 6 }, (_, at) => randomBlob(`rot ${String(at)}`, 1000));
  const { store, dir } = await reopened(t, blobs, () => Promise.resolve());
  for (const blob of blobs) {
    using stored = store.open(taskOf(blob));
    await stored?.quarantine("for the test", "kept");
  }
  assert.equal((await readdir(join(dir, "quarantine"))).length, 4);
});

test("the scrubber finds what changes under a running process, at its rate, and makes no blob younger", async (t) => {
  const blobs = [randomBlob("first", 300 * KIB), randomBlob("second", 300 * KIB)];
  const { store, dir } = await reopened(t, blobs, () => Promise.resolve());
  const [first, second] = blobs;
  assert.ok(first !== undefined && second !== undefined);
  await flip(dir, second, 299 * KIB);
  const clock = new StoppedClock();
  const [rotten, checked]: [Task[], Task[]] = [[], []];
  await using prover = inlineProver();
  const order = store.list().map(({ task }) => task.digest);
  await using scrubber = new Scrubber(64 * KIB, {
    store,
    prover,
    timers: clock,
    log: capturedLog(),
    onRotten: (task) => rotten.push(task),
    onChecked: (task) => checked.push(task),
  });
  assert.ok(scrubber);
  let turns = 0;
  await eventually(() => {
    // A read of the disk takes some turns; the clock goes slower than that.
    if ((turns += 1) % 200 === 0) clock.advance(500);
    return rotten.length + checked.length === 2;
  }, "both blobs are checked");
  const seconds = clock.now() / 1000;
  assert.deepEqual([checked, rotten], [[taskOf(first)], [taskOf(second)]]);
  assert.ok(seconds >= 8, `600 KiB at 64 KiB a second took ${String(seconds)} s`);
  assert.deepEqual(
    store.list().map(({ task }) => task.digest),
    order.filter((digest) => digest !== second.digest),
  );
});
