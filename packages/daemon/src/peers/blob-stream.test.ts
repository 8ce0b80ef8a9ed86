import assert from "node:assert/strict";
import { test } from "node:test";
import { pieceCount, PieceSet } from "@darner/domain";
import fc from "fast-check";
import { contentOf, type FakeContent } from "../../test/fake-blobs.ts";
import { readOut } from "../../test/read-blob.ts";
import { BlobFailure } from "./blob-failure.ts";
import { allEarly, BlobStream, type StreamedBlob } from "./blob-stream.ts";
import { ReadBuffers } from "./read-buffers.ts";

/** A blob on its way, in memory. */
class Growing implements StreamedBlob {
  readonly #content: FakeContent;
  readonly have: PieceSet;
  readonly advanced: number[] = [];
  readonly early: PieceSet | undefined;
  proven = false;
  closed = 0;

  constructor(content: FakeContent, verify: "prompt" | "strict" = "prompt") {
    this.#content = content;
    this.have = new PieceSet(pieceCount(content.task.size));
    this.early = verify === "strict" ? new PieceSet(this.have.size) : undefined;
  }

  get task(): FakeContent["task"] {
    return this.#content.task;
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    into.set(this.#content.bytes.subarray(offset, offset + into.length));
    return Promise.resolve();
  }

  open(range = { start: 0, end: this.task.size }): BlobStream {
    return new BlobStream(this, range, new ReadBuffers(), {
      onAdvance: (_stream, piece) => void this.advanced.push(piece),
      onClose: () => void (this.closed += 1),
    });
  }
}

test("a stream gives its range in order as pieces come in any order, and the last byte of the blob only after the proof", async () => {
  const plan = fc.record({
    size: fc.integer({ min: 1, max: 1_200_000 }),
    from: fc.nat(),
    to: fc.nat(),
    order: fc.array(fc.nat(), { minLength: 5, maxLength: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ size, from, to, order }) => {
      const content = contentOf("stream", size);
      const blob = new Growing(content);
      const [a, b] = [from % size, to % size];
      const range = { start: Math.min(a, b), end: Math.max(a, b) + 1 };
      const stream = blob.open(range);
      const parts: Buffer[] = [];
      const reading = (async () => {
        for (let lent = await stream.read(); lent !== undefined; lent = await stream.read()) {
          parts.push(Buffer.from(lent.bytes));
          lent.release();
          const end = range.start + parts.reduce((sum, { length }) => sum + length, 0);
          if (end === size) assert.ok(blob.proven, "the last byte left before the proof");
        }
      })();
      const pieces = Array.from({ length: pieceCount(size) }, (_, piece) => piece).sort(
        (x, y) => (order[x] ?? 0) - (order[y] ?? 0) || x - y,
      );
      for (const piece of pieces) {
        blob.have.add(piece);
        stream.wake();
        await Promise.resolve();
      }
      blob.proven = true;
      stream.wake();
      await reading;
      assert.ok(Buffer.concat(parts).equals(content.bytes.subarray(range.start, range.end)));
    }),
    { numRuns: 40 },
  );
});

test("a failure is told after what is verified was given; wrong bytes at once", async () => {
  const content = contentOf("fails", 700_000);
  for (const [code, expected] of [
    ["starved", 262_144],
    ["wrong-bytes", 0],
  ] as const) {
    const blob = new Growing(content);
    blob.have.add(0);
    const stream = blob.open();
    const failure = new BlobFailure({ code, retryAfterMs: 0 });
    stream.fail(failure);
    const { bytes, error } = await readOut(stream);
    assert.deepEqual([bytes.length, error], [expected, failure]);
  }
});

test("a stream that is closed while it waits answers that it is over, once", async () => {
  const blob = new Growing(contentOf("closed", 1000));
  const stream = blob.open();
  const reading = stream.read();
  stream.close();
  stream.close();
  assert.deepEqual([await reading, await stream.read(), blob.closed], [undefined, undefined, 1]);
});

test("a peek keeps the first bytes for the reader", async () => {
  const content = contentOf("peek", 1000);
  const blob = new Growing(content);
  blob.have.add(0);
  blob.proven = true;
  const stream = blob.open();
  await stream.peek();
  await stream.peek();
  assert.ok((await readOut(stream)).bytes.equals(content.bytes));
});

test("a stream says which piece it needs next", async () => {
  const blob = new Growing(contentOf("advance", 700_000));
  for (const piece of [0, 1, 2]) blob.have.add(piece);
  blob.proven = true;
  const stream = blob.open({ start: 10, end: 600_000 });
  assert.deepEqual(stream.wanted, { next: 0, end: 3 });
  await readOut(stream);
  assert.deepEqual(blob.advanced.slice(0, 2), [1, 2]);
});

test("a disk that refuses a read is the blob's failure, and its buffer comes back", async () => {
  const blob = new Growing(contentOf("disk", 1000));
  blob.have.add(0);
  blob.proven = true;
  blob.read = () => Promise.reject(new Error("EIO"));
  const { error } = await readOut(blob.open());
  assert.ok(error instanceof BlobFailure && error.detail.code === "disk-refused");
});

test("strict: the head may go when a piece is right, what came from elsewhere waits for the proof, what this host read itself does not", async () => {
  const content = contentOf("strict", 700_000);
  const blob = new Growing(content, "strict");
  const stream = blob.open();
  const peeked = stream.peek();
  blob.have.add(0);
  stream.wake();
  await peeked;
  const first = stream.read();
  await Promise.resolve();
  assert.ok(stream.waiting, "a right piece of another host did not leave");
  assert.deepEqual(blob.advanced, [1], "the owner knows that the next piece is missing all the same");
  blob.early?.add(0);
  stream.wake();
  const lent = await first;
  assert.ok(lent !== undefined && Buffer.compare(lent.bytes, content.bytes.subarray(0, lent.bytes.length)) === 0);
  lent.release();
  for (const piece of [1, 2]) blob.have.add(piece);
  const rest = readOut(stream);
  blob.proven = true;
  stream.wake();
  assert.ok((await rest).bytes.equals(content.bytes.subarray(lent.bytes.length)));
});

test("strict: a part of a blob that is here needs the rest, too, because the proof does; this host's own readers wait for nothing", async () => {
  const content = contentOf("part", 700_000);
  const blob = new Growing(content, "strict");
  blob.have.add(1);
  const stream = blob.open({ start: 262_144, end: 300_000 });
  assert.deepEqual(stream.wanted, { next: 2, end: 3 });
  blob.have.add(2);
  assert.deepEqual(stream.wanted, { next: 0, end: 3 });
  const inside = new BlobStream(allEarly(blob), { start: 262_144, end: 300_000 }, new ReadBuffers(), {
    onAdvance: () => undefined,
    onClose: () => undefined,
  });
  assert.ok((await readOut(inside)).bytes.equals(content.bytes.subarray(262_144, 300_000)));
});

test("strict: the last byte waits for the proof though this host read all of it itself, and a failed proof gives no byte of others", async () => {
  const content = contentOf("wrong", 700_000);
  for (const own of [[0, 1, 2], [0], []]) {
    const blob = new Growing(content, "strict");
    for (const piece of [0, 1, 2]) blob.have.add(piece);
    for (const piece of own) blob.early?.add(piece);
    const stream = blob.open();
    let given = 0;
    const reading = (async () => {
      for (let lent = await stream.read(); lent !== undefined; lent = await stream.read()) {
        given += lent.bytes.length;
        lent.release();
      }
    })();
    const expected = own.length === 3 ? 699_999 : own.length * 262_144;
    while (given < expected || !stream.waiting) await new Promise(setImmediate);
    const failure = new BlobFailure({ code: "wrong-bytes", retryAfterMs: 0 });
    stream.fail(failure);
    await assert.rejects(reading, failure);
    assert.equal(given, expected);
  }
});
