import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { renameSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";

import { digestOf, type Digest } from "@darner/domain";
import { silentLog } from "@darner/runtime";
import { capturedLog, noLeaks, openTempDir, seededBytes, sha256Of } from "@darner/testkit";

import type { HashOrder } from "./hash-turns.ts";
import { inlineProver } from "../inline-prover.ts";
import { LaneProver, type Lane, type LaneEvents } from "./lane-prover.ts";
import type { Prover } from "../prover.ts";
import { StoreError } from "../store-error.ts";
import { openProver, openThread } from "../worker-prover.ts";

noLeaks();

const MIB = 1024 * 1024;

type File = { readonly path: string; readonly bytes: Uint8Array; readonly digest: Digest };

async function file(t: TestContext, size: number, seed = 1): Promise<File> {
  const dir = await openTempDir();
  t.after(() => dir[Symbol.asyncDispose]());
  const [path, bytes] = [join(dir.path, "blob"), seededBytes(seed, size)];
  await writeFile(path, bytes);
  return { path, bytes, digest: sha256Of(bytes) };
}

function describeProver(name: string, open: () => Prover): void {
  describe(name, () => {
    for (const size of [0, 1, 5000, 256 * 1024 + 1, 3 * MIB + 7]) {
      test(`proves a blob of ${String(size)} bytes that grows, by sha256 and by sha512`, async (t) => {
        await using prover = open();
        const { path, bytes, digest } = await file(t, size);
        const sha512 = digestOf(`sha512:${createHash("sha512").update(bytes).digest("hex")}`);
        const proofs = [
          prover.prove(path, digest, size),
          prover.prove(path, sha512, size),
          prover.prove(path, sha256Of(new Uint8Array(9)), size),
        ];
        for (const proof of proofs) {
          for (let done = 0; done < size; done += 700_001) proof.extend(done);
          proof.extend(10);
          proof.extend(size);
        }
        assert.deepEqual(await Promise.all(proofs.map(({ result }) => result)), [true, true, false]);
      });
    }

    test("goes on with a file that was moved after the proof began", async (t) => {
      await using prover = open();
      const { path, digest } = await file(t, 2 * MIB);
      const proof = prover.prove(path, digest, 2 * MIB);
      proof.extend(MIB);
      renameSync(path, `${path}.moved`);
      proof.extend(2 * MIB);
      assert.equal(await proof.result, true);
    });

    test("says that a file is gone, or too short", async (t) => {
      await using prover = open();
      const { path, digest } = await file(t, MIB);
      const gone = prover.prove(`${path}.gone`, digest, MIB);
      await assert.rejects(gone.result, (error) => error instanceof StoreError && error.detail.code === "blob-missing");
      const short = prover.prove(path, digest, 2 * MIB);
      short.extend(2 * MIB);
      await assert.rejects(short.result, (error) => error instanceof StoreError && error.detail.code === "disk-failed");
    });

    test("proves many blobs at once and forgets what is cancelled", async (t) => {
      await using prover = open();
      const { path, digest, bytes } = await file(t, 300 * 1024);
      const cancelled = Array.from({ length: 500 }, () => prover.prove(path, digest, bytes.length));
      const wanted = Array.from({ length: 40 }, () => prover.prove(path, digest, bytes.length));
      for (const proof of wanted) proof.extend(bytes.length);
      for (const proof of cancelled) proof.cancel();
      const outcomes = await Promise.all(wanted.map(({ result }) => result));
      assert.ok(outcomes.every((proven) => proven));
    });
  });
}

describeProver("the prover in worker threads", () => openProver({ workers: 1, log: silentLog }));
describeProver("the prover with two threads", () => openProver({ workers: 2, log: silentLog }));
describeProver("the prover on the main thread", inlineProver);

// On one thread, where the order is not up to how fast threads start.
test("lets a small blob end before a large one that came first", async (t) => {
  await using prover = inlineProver();
  const [large, small] = [await file(t, 32 * MIB), await file(t, 300 * 1024, 2)];
  const ended: string[] = [];
  const proofs = [large, small].map(({ path, digest, bytes }) => {
    const proof = prover.prove(path, digest, bytes.length);
    proof.extend(bytes.length);
    return proof.result.then(() => ended.push(bytes === large.bytes ? "large" : "small"));
  });
  await Promise.all(proofs);
  assert.deepEqual(ended, ["small", "large"]);
});

/** A lane whose thread dies as often as it is told to. */
class DyingLane implements Lane {
  readonly load = 0;
  readonly orders: HashOrder[] = [];
  readonly events: LaneEvents;

  constructor(events: LaneEvents) {
    this.events = events;
  }

  order(order: HashOrder): void {
    this.orders.push(order);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

describe("the death of a hashing thread", () => {
  test("costs no more than the time to hash again", async (t) => {
    const { path, digest } = await file(t, 2 * MIB);
    const lanes: Lane[] = [];
    await using prover = new LaneProver(silentLog, (events) => {
      lanes.push(openThread(events));
      return lanes;
    });
    const proof = prover.prove(path, digest, 2 * MIB);
    proof.extend(MIB);
    // No such algorithm: the thread throws.
    lanes[0]?.order({ kind: "start", id: 0, fd: -1, algorithm: "no-such-hash", size: 1 });
    proof.extend(2 * MIB);
    assert.equal(await proof.result, true);
  });

  test("starts its proofs again, with all that they were told", async (t) => {
    const { path, bytes, digest } = await file(t, MIB);
    const lanes: DyingLane[] = [];
    await using prover = new LaneProver(silentLog, (events) => {
      lanes.push(new DyingLane(events));
      return lanes;
    });
    const proof = prover.prove(path, digest, MIB);
    proof.extend(1000);
    const [lane] = lanes;
    assert.ok(lane);
    lane.events.onDeath(lane, "out of memory");
    assert.deepEqual(
      lane.orders.slice(2).map((order) => ("bytes" in order ? order.bytes : order.kind)),
      ["start", 1000],
    );
    const id = lane.orders[0]?.id ?? 0;
    lane.events.onOutcome({ kind: "hashed", id, encoded: createHash("sha256").update(bytes).digest("hex") });
    assert.equal(await proof.result, true);
  });

  test("fails a proof that has seen it three times", async (t) => {
    const { path, digest } = await file(t, MIB);
    const lanes: DyingLane[] = [];
    const log = capturedLog();
    await using prover = new LaneProver(log, (events) => {
      lanes.push(new DyingLane(events));
      return lanes;
    });
    const proof = prover.prove(path, digest, MIB);
    const [lane] = lanes;
    for (let death = 0; death < 3; death += 1) lane?.events.onDeath(lane, "out of memory");
    await assert.rejects(proof.result, /out of memory/);
    assert.equal(log.lines.length, 3);
  });
});
