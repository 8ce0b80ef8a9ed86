import assert from "node:assert/strict";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { seededBytes } from "@darner/testkit";
import fc from "fast-check";

import { BufferPool } from "./buffer-pool.ts";
import { OpenFile } from "../disk/open-file.ts";
import { PooledPieceWriter, type PieceLane } from "./piece-writer.ts";
import { StoreError } from "../store-error.ts";
import { feed } from "../writing.conformance.ts";
import { blake3 } from "../blake3.ts";

const MAX_BUFFERS_PER_WRITER = 4;

/** A lane that takes a few turns for each write, and sees whether somebody touches the buffers meanwhile. */
class SlowLane implements PieceLane {
  readonly written: Uint8Array;
  readonly #failAt: number;
  touched = false;
  overlapping = false;
  left = 0;
  #under = 0;

  constructor(size: number, failAt = Infinity) {
    this.written = new Uint8Array(size);
    this.#failAt = failAt;
  }

  async write(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    this.#under += 1;
    this.overlapping ||= this.#under > 1;
    const before = Buffer.concat(buffers);
    await turn();
    await turn();
    this.touched ||= Buffer.compare(before, Buffer.concat(buffers)) !== 0;
    this.#under -= 1;
    if (offset + before.length > this.#failAt) throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
    this.written.set(before, offset);
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  leave(): void {
    this.left += 1;
  }
}

/** How one writer is driven. */
type Script = {
  readonly size: number;
  readonly chunks: readonly number[];
  readonly end: "finish" | "abort" | "fail";
  readonly stopAt: number;
};

const script: fc.Arbitrary<Script> = fc.record({
  size: fc.integer({ min: 1, max: 500 }),
  chunks: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 20 }),
  end: fc.constantFrom("finish", "finish", "abort", "fail"),
  stopAt: fc.nat({ max: 500 }),
});

async function drive(pool: BufferPool, seed: number, { size, chunks, end, stopAt }: Script): Promise<void> {
  const bytes = seededBytes(seed, size);
  const lane = new SlowLane(size, end === "fail" ? stopAt % size : Infinity);
  let ends = 0;
  const writer = new PooledPieceWriter({ piece: seed, pieceBytes: size, lane, pool, onEnd: () => (ends += 1) });
  const limit = end === "abort" ? stopAt % size : size;
  try {
    for (let done = 0, step = 0; done < limit; step += 1) {
      const space = writer.space();
      if (space === undefined) {
        await writer.drained();
        continue;
      }
      assert.ok(space.length > 0 && space.length <= size - done, "space ends where the piece ends");
      const part = bytes.subarray(done, done + Math.min(space.length, chunks[step % chunks.length] ?? 1));
      space.set(part);
      writer.commit(part.length);
      done += part.length;
    }
    if (end === "abort") writer.abort();
    else assert.deepEqual(await writer.finish(), blake3(bytes));
    if (end === "finish") assert.deepEqual(lane.written, bytes);
  } catch (error) {
    assert.ok(end === "fail" && error instanceof StoreError && error.detail.code === "no-space", String(error));
    writer.abort();
  }
  while (ends === 0) await turn();
  assert.deepEqual([ends, lane.touched, lane.overlapping, lane.left], [1, false, false, end === "finish" ? 0 : 1]);
}

describe("a piece writer", () => {
  test("writes and hashes what it is given, whatever the chunks, many at once on few buffers", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 6 }), async (scripts, maxBuffers) => {
        const pool = new BufferPool(64, maxBuffers);
        await Promise.all(scripts.map((one, seed) => drive(pool, seed, one)));
        assert.equal(pool.onLoan, 0, "every buffer came back");
      }),
      { numRuns: 150 },
    );
  });

  test("holds only a few buffers while the disk is slow", async () => {
    const pool = new BufferPool(64, 100);
    const lane = new SlowLane(64 * 50);
    const writer = new PooledPieceWriter({ piece: 0, pieceBytes: 64 * 50, lane, pool, onEnd: () => undefined });
    for (let space = writer.space(); space !== undefined; space = writer.space()) writer.commit(space.length);
    assert.equal(pool.onLoan, MAX_BUFFERS_PER_WRITER);
    await writer.drained();
    assert.ok((writer.space()?.length ?? 0) > 0);
    writer.abort();
    const allBack = (): boolean => pool.onLoan === 0;
    while (!allBack()) await turn();
  });

  test("wakes a waiting writer that is given up while every buffer is elsewhere", async () => {
    const pool = new BufferPool(64, 1);
    const elsewhere = await pool.next();
    const writer = new PooledPieceWriter({ piece: 0, pieceBytes: 64, lane: new SlowLane(64), pool, onEnd: () => undefined });
    assert.equal(writer.space(), undefined);
    const waiting = assert.rejects(writer.drained(), { name: "AbortError" });
    writer.abort();
    await waiting;
    pool.give(elsewhere);
    await turn();
    assert.equal(pool.onLoan, 0);
  });

  test("never lends a buffer again that a caller may still be filling", async () => {
    const pool = new BufferPool(64, 1);
    const writer = new PooledPieceWriter({ piece: 0, pieceBytes: 64, lane: new SlowLane(64), pool, onEnd: () => undefined });
    const space = writer.space();
    writer.abort();
    const next = await pool.next();
    space?.fill(7);
    next.fill(0);
    space?.fill(7);
    assert.ok(next.every((byte) => byte === 0));
    pool.give(next);
  });

  test("refuses more bytes than there was space for, and a piece that ends short", async () => {
    const pool = new BufferPool(64, 4);
    const writer = new PooledPieceWriter({ piece: 0, pieceBytes: 100, lane: new SlowLane(100), pool, onEnd: () => undefined });
    assert.equal(writer.space()?.length, 64);
    assert.throws(() => {
      writer.commit(65);
    });
    writer.commit(64);
    assert.equal(writer.space()?.length, 36);
    await assert.rejects(writer.finish(), /36 bytes short/);
  });

  test("says that the disk is full when the kernel says so", async () => {
    const handle = await open("/dev/full", constants.O_RDWR);
    const file = new OpenFile("/dev/full", handle.fd);
    const lane: PieceLane = {
      write: (buffers, offset) => file.write(buffers, offset),
      settle: () => Promise.resolve(),
      leave: () => undefined,
    };
    const pool = new BufferPool(64, 4);
    const writer = new PooledPieceWriter({ piece: 0, pieceBytes: 100, lane, pool, onEnd: () => undefined });
    await feed(writer, new Uint8Array(100)).catch(() => undefined);
    await assert.rejects(writer.finish(), (error) => error instanceof StoreError && error.detail.code === "no-space");
    assert.equal(pool.onLoan, 0);
    await handle.close();
  });
});
