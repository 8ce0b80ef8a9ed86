import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, test } from "node:test";

import { digestEncoded, digestOf, taskId, type Task } from "@darner/domain";
import { silentLog } from "@darner/runtime";
import { noLeaks, sha256Of } from "@darner/testkit";

import { openDiskStore } from "../disk-store.ts";
import { inlineProver } from "../inline-prover.ts";
import { allPieces, claimsHold, readBytes, store, takeIn, testBlob } from "../writing.conformance.ts";
import { blobFile, halfOf, has, once, place } from "./place.conformance.ts";
import { BlobRecords } from "./records.ts";

noLeaks();

const KIB = 1024;

describe("the data directory", () => {
  test("is a valid OCI image layout", async (t) => {
    const here = await place(t);
    const content = testBlob("layout", 300 * KIB);
    await once(here, (blobs) => store(blobs, content));
    assert.deepEqual(JSON.parse(await readFile(join(here.dir, "oci-layout"), "utf8")), { imageLayoutVersion: "1.0.0" });
    const index: unknown = JSON.parse(await readFile(join(here.dir, "index.json"), "utf8"));
    assert.deepEqual(index, { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [] });
    assert.equal(sha256Of(await readFile(blobFile(here.dir, content.task))), content.task.digest);
    assert.deepEqual(await readdir(join(here.dir, "incoming")), []);
  });

  test("that another daemon uses is refused, by name, and not touched", async (t) => {
    const here = await place(t);
    await once(here, async (blobs) => {
      const content = testBlob("in use", 600 * KIB);
      await halfOf(blobs, content, [0]);
      await assert.rejects(here.open(), has({ code: "in-use" }));
      await takeIn(await blobs.openOrCreate(content.task, {}), content);
    });
  });

  test("of a newer version is refused and not touched", async (t) => {
    const here = await place(t);
    await writeFile(join(here.dir, "darner-store.json"), '{"version":99}');
    await assert.rejects(here.open(), has({ code: "newer-version", version: 99 }));
    assert.deepEqual(await readdir(here.dir), ["darner-store.json"]);
  });

  test("that is a file, or in one, or cannot be made, is refused", async (t) => {
    const here = await place(t);
    await writeFile(join(here.dir, "file"), "x");
    for (const dir of [join(here.dir, "file"), join(here.dir, "file", "deeper"), "/sys/darner"]) {
      const opening = openDiskStore({ dir, maxBytes: 1, minFreeBytes: 0 }, { log: silentLog });
      await assert.rejects(opening, has({ code: "dir-unusable" }));
    }
  });

  test("is let go where opening is given up", async (t) => {
    const here = await place(t);
    const config = { dir: here.dir, maxBytes: 1, minFreeBytes: 0 };
    await assert.rejects(openDiskStore(config, { log: silentLog }, AbortSignal.abort()), { name: "AbortError" });
    await once(here, () => Promise.resolve());
  });
});

describe("after a restart", () => {
  test("complete blobs and verified pieces are there, with facts and hashes", async (t) => {
    const here = await place(t);
    const [half, whole] = [testBlob("half", 900 * KIB), testBlob("whole", 700 * KIB)];
    await once(here, async (blobs) => {
      await halfOf(blobs, half, [0, 3]);
      await store(blobs, whole);
      await blobs.put(testBlob("manifest", 99).task, testBlob("manifest", 99).bytes, { mediaType: "m/t" });
    });
    await once(here, async (blobs) => {
      using first = blobs.open(half.task);
      using second = blobs.open(whole.task);
      using third = blobs.open(testBlob("manifest", 99).task);
      assert.ok(first && second && third);
      assert.deepEqual([...first.have], [0, 3]);
      assert.deepEqual(first.facts, { registry: "r" });
      assert.equal(await claimsHold(first), true);
      assert.equal(second.complete, true);
      assert.equal(await claimsHold(second), true);
      assert.deepEqual(third.facts, { mediaType: "m/t" });
      assert.equal(blobs.usage.bytes, 256 * KIB + (900 - 768) * KIB + 700 * KIB + 99);
      await takeIn(first, half);
      await first.markComplete();
      assert.deepEqual(await readBytes(first), half.bytes);
    });
  });

  test("what is pinned stays pinned", async (t) => {
    const here = await place(t);
    const [pinned, free] = [testBlob("pinned", 500 * KIB), testBlob("free", 400 * KIB)];
    const clock = (): number => 1000;
    await once(
      here,
      async (blobs) => {
        await store(blobs, pinned);
        blobs.pin(pinned.task, 60_000);
        await store(blobs, free);
      },
      { clock },
    );
    const config = { dir: here.dir, maxBytes: 1000 * KIB, minFreeBytes: 0 };
    const takeMore = async (now: number): Promise<boolean> => {
      await using blobs = await openDiskStore(config, { log: silentLog, bootId: "one boot", clock: () => now });
      await store(blobs, testBlob(now, 450 * KIB));
      return blobs.findComplete(pinned.task.digest) !== undefined;
    };
    assert.equal(await takeMore(60_000), true);
    assert.equal(await takeMore(62_000), false);
  });

  test("the order of last use is roughly known", async (t) => {
    const here = await place(t);
    let now = 0;
    const clock = (): number => now;
    const contents = [0, 1, 2].map((seed) => testBlob(seed, 10 * KIB));
    const [first, second] = contents;
    assert.ok(first && second);
    await once(
      here,
      async (blobs) => {
        for (const content of contents) {
          await store(blobs, content);
          now += 1;
        }
        now = 1_000_000;
        blobs.open(first.task)?.[Symbol.dispose]();
      },
      { clock },
    );
    await using blobs = await openDiskStore({ dir: here.dir, maxBytes: 30 * KIB, minFreeBytes: 0 }, { log: silentLog, clock });
    await store(blobs, testBlob("new", KIB));
    assert.equal(blobs.findComplete(second.task.digest), undefined);
    assert.ok(blobs.findComplete(first.task.digest));
  });

  test("files without a record go, records without a file go, spools go", async (t) => {
    const here = await place(t);
    const [lost, cut, gone] = [testBlob("lost", 600 * KIB), testBlob("cut", 600 * KIB), testBlob("gone", 5 * KIB)];
    await once(here, async (blobs) => {
      await rm(await halfOf(blobs, lost, [0]));
      await truncate(await halfOf(blobs, cut, [0]), 100);
      await store(blobs, gone);
    });
    await rm(blobFile(here.dir, gone.task));
    await writeFile(join(here.dir, "incoming", `sha256-${digestEncoded(lost.task.digest)}-${String(lost.task.size)}-abc`), lost.bytes);
    await writeFile(join(here.dir, "incoming", "stray"), "x");
    await writeFile(join(here.dir, "spool", "spool-1"), "x");
    await once(here, (blobs) => {
      assert.deepEqual(blobs.list(), []);
      assert.equal(blobs.usage.bytes, 0);
      return Promise.resolve();
    });
    assert.deepEqual(await readdir(join(here.dir, "incoming")), []);
    assert.deepEqual(await readdir(join(here.dir, "spool")), []);
  });

  test("a completion that was cut off before the rename is finished", async (t) => {
    const here = await place(t);
    const content = testBlob("cut off", 600 * KIB);
    const incoming = await once(here, async (blobs) => {
      const path = await halfOf(blobs, content, [0]);
      await store(blobs, content);
      return path;
    });
    await rename(blobFile(here.dir, content.task), incoming);
    await once(here, async (blobs) => {
      using blob = blobs.open(content.task);
      assert.equal(blob?.complete, true);
      assert.deepEqual(await readBytes(blob), content.bytes);
    });
    assert.equal((await stat(blobFile(here.dir, content.task))).size, content.task.size);
  });

  test("a complete file of the wrong size is not claimed", async (t) => {
    const here = await place(t);
    const content = testBlob("wrong size", 50 * KIB);
    await once(here, (blobs) => store(blobs, content));
    await truncate(blobFile(here.dir, content.task), 10);
    await once(
      here,
      (blobs) => {
        assert.equal(blobs.findComplete(content.task.digest), undefined);
        return Promise.resolve();
      },
      { prover: inlineProver() },
    );
  });

  test("a file that somebody takes away while the store is open is one blob less", async (t) => {
    const here = await place(t);
    const content = testBlob("taken", 50 * KIB);
    await once(here, async (blobs) => {
      await store(blobs, content);
      await rm(blobFile(here.dir, content.task));
      const dropped: Task[] = [];
      blobs.onDropped((task) => dropped.push(task));
      using blob = blobs.open(content.task);
      assert.ok(blob);
      await assert.rejects(readBytes(blob), has({ code: "blob-missing" }));
      assert.deepEqual(dropped, [content.task]);
      assert.equal(blobs.open(content.task), undefined);
    });
  });
});

test("a store of ten thousand blobs opens within two seconds", async (t) => {
  const here = await place(t);
  const { records } = await BlobRecords.open(join(here.dir, "level"), silentLog);
  await mkdir(join(here.dir, "blobs", "sha256"), { recursive: true });
  for (let number = 0; number < 10_000; number += 1) {
    const task = { digest: digestOf(`sha256:${String(number).padStart(64, "0")}`), size: 8 };
    writeFileSync(blobFile(here.dir, task), "12345678");
    records.putBlob(taskId(task), { complete: true, incarnation: "a", boot: "one boot", lastUseMs: number, facts: {} });
  }
  await records.close();
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await once(here, (blobs) => {
    const { user, system } = process.cpuUsage(cpu);
    t.diagnostic(`opened in ${(performance.now() - start).toFixed(0)} ms`);
    assert.equal(blobs.list().length, 10_000);
    // The time of the clock says more about the machine's other work.
    assert.ok((user + system) / 1000 < 2000, `${String(user + system)} µs of CPU`);
    return Promise.resolve();
  });
});

test("unrelated names are not mistaken for pieces of a blob", async (t) => {
  const here = await place(t);
  const content = testBlob("names", 600 * KIB);
  const path = await once(here, (blobs) => halfOf(blobs, content, allPieces(content)));
  assert.match(basename(path), new RegExp(`^sha256-${digestEncoded(content.task.digest)}-${String(content.task.size)}-[0-9a-f]+$`));
});
