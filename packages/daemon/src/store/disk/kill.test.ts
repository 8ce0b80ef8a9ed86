import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once as event } from "node:events";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

import { digestEncoded } from "@darner/domain";
import { silentLog } from "@darner/runtime";
import { noLeaks, openTempDir } from "@darner/testkit";

import { openDiskStore } from "../disk-store.ts";
import { inlineProver } from "../inline-prover.ts";
import type { BlobStore } from "../store.ts";
import { StoreError } from "../store-error.ts";
import {
  allPieces,
  bytesOfPiece,
  claimsHold,
  feed,
  readBytes,
  takeIn,
  testBlob,
  writePiece,
  type TestBlob,
} from "../writing.conformance.ts";

const KIB = 1024;
const ROUNDS = 10;
// Room for about half of what the child wants to store, so that it evicts all the time.
const LIMITS = { maxBytes: 8 * 1024 * KIB, minFreeBytes: 0 };
const BLOBS = 14;
// Enough for the store to be full and evicting when the child is killed late.
const MAX_STEPS = 150;
const CHILD = "DARNER_STORE_KILL_CHILD";

/** What child and parent both know: blobs of many sizes, from nothing to some pieces. */
function contents(): TestBlob[] {
  return Array.from({ length: BLOBS }, (_, index) => testBlob(`kill ${String(index)}`, Math.floor((index / BLOBS) ** 2 * 2500 * KIB)));
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Tells the parent that there is one more instant to be killed at. */
function step(): void {
  process.stdout.write(".");
}

/** One thing that a daemon does to its store. */
async function act(blobs: BlobStore, content: TestBlob, roll: () => number): Promise<void> {
  const choice = roll();
  if (choice < 0.15) return blobs.put(content.task, content.bytes, { mediaType: "a/b" });
  if (choice < 0.3) {
    const spool = await blobs.spool();
    await spool.append(content.bytes);
    return roll() < 0.8 ? spool.adopt(content.task.digest, {}) : spool.discard();
  }
  using blob = await blobs.openOrCreate(content.task, {});
  if (choice < 0.4) {
    await blob.quarantine("the dice said so");
    return;
  }
  const missing = allPieces(content).filter((piece) => !blob.have.has(piece));
  for (const piece of missing.sort(() => roll() - 0.5)) {
    if (roll() < 0.2 && !blob.complete) await writePiece(blob, piece, new Uint8Array(bytesOfPiece(content, piece).length));
    if (roll() < 0.1 && !blob.complete) await feed(blob.writePiece(piece), new Uint8Array(100));
    if (!blob.complete) await takeIn(blob, content, [piece]);
    step();
    if (roll() < 0.25) return;
  }
  step();
  await blob.markComplete();
}

/** The child: several workers at once, until it is killed. */
async function child(dir: string, seed: number): Promise<void> {
  const blobs = await openDiskStore({ dir, ...LIMITS }, { log: silentLog });
  const roll = dice(seed);
  const all = contents();
  const worker = async (): Promise<never> => {
    for (;;) {
      const content = all[Math.floor(roll() * all.length)];
      if (content === undefined) continue;
      step();
      await act(blobs, content, roll).catch((error: unknown) => {
        // Two workers meet at one blob all the time: what the store says of that is expected, all else is not.
        if (!(error instanceof StoreError) || error.detail.code === "disk-failed") throw error;
      });
    }
  };
  await Promise.all([worker(), worker(), worker()]);
}

/** Runs the child until it has said `steps` times that it goes on, and kills it wherever it is by then. */
async function killedAfter(dir: string, seed: number, steps: number): Promise<void> {
  const args = [...process.execArgv, fileURLToPath(import.meta.url)];
  const running = spawn(process.execPath, args, {
    env: { ...process.env, [CHILD]: `${String(seed)} ${dir}` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const complaints: string[] = [];
  running.stderr.on("data", (text) => complaints.push(String(text)));
  let said = 0;
  running.stdout.on("data", (text: Buffer) => {
    said += text.length;
    if (said >= steps) running.kill("SIGKILL");
  });
  await event(running, "exit");
  assert.equal(running.signalCode, "SIGKILL", `the child ended by itself: ${complaints.join("")}`);
}

/** What the store claims after a crash, all of it checked against the disk. */
async function check(blobs: BlobStore, dir: string): Promise<{ complete: number; pieces: number }> {
  let [complete, pieces] = [0, 0];
  for (const summary of blobs.list()) {
    // Also waits until the pieces of another boot were hashed again.
    using blob = await blobs.openOrCreate(summary.task, {});
    if (summary.complete) {
      complete += 1;
      assert.equal(
        `sha256:${createHash("sha256")
          .update(await readBytes(blob))
          .digest("hex")}`,
        summary.task.digest,
      );
      assert.equal(blob.path, join(dir, "blobs", "sha256", digestEncoded(summary.task.digest)));
    } else {
      pieces += blob.have.count;
      assert.equal(await claimsHold(blob), true);
    }
  }
  assert.equal(blobs.usage.blobs, blobs.list().length);
  assert.ok(blobs.usage.bytes <= LIMITS.maxBytes);
  return { complete, pieces };
}

/** No file lies there that the store does not know, none that lies in wait under a digest it does not have. */
async function checkFiles(dir: string, blobs: BlobStore): Promise<void> {
  const summaries = blobs.list();
  assert.equal((await readdir(join(dir, "incoming"))).length, summaries.filter(({ complete }) => !complete).length);
  assert.deepEqual(await readdir(join(dir, "spool")), []);
  for (const name of await readdir(join(dir, "blobs", "sha256"))) {
    assert.equal(
      createHash("sha256")
        .update(await readFile(join(dir, "blobs", "sha256", name)))
        .digest("hex"),
      name,
    );
  }
}

async function killAndLook(t: TestContext, seed: number): Promise<void> {
  await using dir = await openTempDir();
  await using prover = inlineProver();
  const roll = dice(seed);
  const seen = { complete: 0, pieces: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const steps = Math.floor(roll() * MAX_STEPS);
    await killedAfter(dir.path, seed + round, steps);
    // The machine did not restart every other time, and did in between: then every piece is hashed again.
    const bootId = round % 4 === 3 ? { bootId: `boot ${String(round)}` } : {};
    await using blobs = await openDiskStore({ dir: dir.path, ...LIMITS }, { log: silentLog, prover, ...bootId });
    const found = await check(blobs, dir.path).catch((error: unknown) => {
      throw new Error(`seed ${String(seed)}, round ${String(round)}, killed after ${String(steps)} steps`, { cause: error });
    });
    await checkFiles(dir.path, blobs);
    seen.complete += found.complete;
    seen.pieces += found.pieces;
  }
  t.diagnostic(`checked after ${String(ROUNDS)} kills: ${String(seen.complete)} complete blobs, ${String(seen.pieces)} pieces of others`);
  assert.ok(seen.complete + seen.pieces > 0, `seed ${String(seed)}: nothing was there to be checked`);
}

const orders = process.env[CHILD];
if (orders !== undefined) {
  const [seed = "", ...dir] = orders.split(" ");
  await child(dir.join(" "), Number(seed));
} else {
  noLeaks();
  test("killed at any instant, the store claims only what the disk holds, and opens again", async (t) => {
    const seed = Number(process.env["DARNER_TEST_SEED"] ?? Date.now() % 1_000_000);
    t.diagnostic(`DARNER_TEST_SEED=${String(seed)}`);
    await killAndLook(t, seed);
  });
}
