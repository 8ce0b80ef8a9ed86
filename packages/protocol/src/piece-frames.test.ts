import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { feedPieceFrames, PieceFrameReader } from "./piece-frames-reader.ts";
import type { ReadPieceFrame } from "./piece-frames-reader.ts";
import { encodePieceFrame, FRAME_FORMS, FRAME_HEADER_BYTES, MAX_RUN_PIECES } from "./piece-frames.ts";
import type { PieceFrame, PieceFrameHearer } from "./piece-frames.ts";

const rec = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> => fc.record<T>(model, { noNullPrototype: true });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const bytesOf = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const run = rec({ first: u32, stride: fc.integer({ min: 1, max: 0xffff_ffff }), count: fc.integer({ min: 1, max: 512 }) });
const want = run.chain((pieces) =>
  rec({
    request: u32,
    digest: fc.stringMatching(/^[a-z0-9]{1,8}:[a-z0-9]{1,128}$/),
    size: fc.maxSafeNat(),
    run: fc.constant(pieces),
    skip: fc.uint8Array({ maxLength: Math.ceil(pieces.count / 8) }),
  }),
);
const heardByBoth: fc.Arbitrary<PieceFrame> = fc.oneof(
  rec({ type: fc.constant("hello" as const), version: fc.integer({ min: 0, max: 255 }) }),
  rec({ type: fc.constant("claim" as const), key: bytesOf(32), nonce: bytesOf(32) }),
  rec({ type: fc.constant("proof" as const), signature: bytesOf(64) }),
);
const heardByParent: fc.Arbitrary<PieceFrame> = fc.oneof(
  heardByBoth,
  rec({ type: fc.constant("want" as const), want }),
  rec({ type: fc.constant("cancel" as const), request: u32 }),
);
const heardByChild: fc.Arbitrary<PieceFrame> = fc.oneof(
  heardByBoth,
  rec({ type: fc.constant("piece" as const), request: u32, piece: u32, length: u32 }),
  rec({ type: fc.constantFrom("waiting" as const, "end" as const), request: u32 }),
  rec({ type: fc.constant("refuse" as const), request: u32, reason: fc.constantFrom("unknown" as const, "busy" as const) }),
);

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function portionsOf(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const portions: Uint8Array[] = [];
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const length = lengths[turn % lengths.length] ?? 1;
    portions.push(bytes.subarray(at, at + length));
    at += length;
  }
  return portions;
}

function readAll(hearer: PieceFrameHearer, portions: readonly Uint8Array[]): ReadPieceFrame[] {
  const reader = new PieceFrameReader(hearer);
  const reads: ReadPieceFrame[] = [];
  for (const portion of portions) {
    if (reads.at(-1)?.ok === false) break;
    feedPieceFrames(reader, portion, (read) => {
      reads.push(read);
      return read.ok;
    });
  }
  return reads;
}

const portionLengths = fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 8 });

test("frames come out as they went in, however the bytes are cut", () => {
  const sides = fc.oneof(
    rec({ hearer: fc.constant("parent" as const), frames: fc.array(heardByParent, { maxLength: 12 }) }),
    rec({ hearer: fc.constant("child" as const), frames: fc.array(heardByChild, { maxLength: 12 }) }),
  );
  fc.assert(
    fc.property(sides, portionLengths, ({ hearer, frames }, lengths) => {
      const reads = readAll(hearer, portionsOf(concat(frames.map(encodePieceFrame)), lengths));
      assert.deepEqual(
        reads,
        frames.map((frame) => ({ ok: true, frame })),
      );
    }),
    { numRuns: 150 },
  );
});

test("garbage never throws and never makes the reader hold more than the longest frame", () => {
  const longest = Math.max(...Object.values(FRAME_FORMS).map(({ max }) => max));
  // Half of it begins like a frame, so that the payloads are reached too.
  const likeFrame = rec({
    kind: fc.integer({ min: 0, max: 10 }),
    length: fc.oneof(u32, fc.integer({ min: 0, max: 70 })),
    rest: fc.uint8Array(),
  });
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    likeFrame.map(({ kind, length, rest }) => concat([Uint8Array.of(kind, length >>> 24, length >>> 16, length >>> 8, length), rest])),
  );
  fc.assert(
    fc.property(fc.constantFrom("child" as const, "parent" as const), fc.array(garbage, { maxLength: 6 }), (hearer, parts) => {
      const reader = new PieceFrameReader(hearer);
      const reads: ReadPieceFrame[] = [];
      for (const part of parts) {
        feedPieceFrames(reader, part, (read) => {
          reads.push(read);
          return read.ok;
        });
        if (reads.at(-1)?.ok === false) return;
        const space = reader.space();
        assert.ok(space.length >= 1 && space.length <= longest && space.buffer.byteLength <= longest);
      }
    }),
    { numRuns: 2000 },
  );
});

test("a length that the kind of frame cannot have is a problem before a byte of it is read", () => {
  const types = Object.keys(FRAME_FORMS) as PieceFrame["type"][];
  fc.assert(
    fc.property(fc.constantFrom(...types), u32, (type, length) => {
      const { kind, min, max, heardBy } = FRAME_FORMS[type];
      fc.pre(length < min || length > max);
      const header = Uint8Array.of(kind, length >>> 24, length >>> 16, length >>> 8, length);
      for (const hearer of heardBy) assert.deepEqual(readAll(hearer, [header]), [{ ok: false, problem: "false-length" }]);
    }),
    { numRuns: 500 },
  );
});

test("no end listens to what only the other may be told", () => {
  const toParent = encodePieceFrame({ type: "cancel", request: 1 });
  const toChild = encodePieceFrame({ type: "end", request: 1 });
  assert.deepEqual(readAll("child", [toParent]), [{ ok: false, problem: "unknown-frame" }]);
  assert.deepEqual(readAll("parent", [toChild]), [{ ok: false, problem: "unknown-frame" }]);
  assert.deepEqual(readAll("parent", [Uint8Array.of(0xff, 0, 0, 0, 0)]), [{ ok: false, problem: "unknown-frame" }]);
});

const plainWant = { request: 7, digest: "sha256:ab", size: 1000, run: { first: 0, stride: 1, count: 9 }, skip: Uint8Array.of(1, 1) };

/** The bytes of a good request with one field overwritten. */
function spoiled(at: number, ...values: number[]): Uint8Array {
  const bytes = encodePieceFrame({ type: "want", want: plainWant });
  bytes.set(values, FRAME_HEADER_BYTES + at);
  return bytes;
}

test("a request for no piece, too many, or a size that is no number is a problem", () => {
  const tooMany = MAX_RUN_PIECES + 1;
  const bad = [
    spoiled(4, 0xff),
    spoiled(16, 0, 0, 0, 0),
    spoiled(20, 0, 0, 0, 0),
    spoiled(20, tooMany >>> 24, tooMany >>> 16, tooMany >>> 8, tooMany),
    // A bitmap longer than the run has pieces.
    spoiled(20, 0, 0, 0, 8),
  ];
  for (const bytes of bad) assert.deepEqual(readAll("parent", [bytes]), [{ ok: false, problem: "bad-want" }]);
  assert.deepEqual(readAll("parent", [spoiled(24, 200)]), [{ ok: false, problem: "false-length" }]);
  assert.deepEqual(
    readAll("child", [concat([encodePieceFrame({ type: "refuse", request: 1, reason: "busy" }).subarray(0, 9), Uint8Array.of(9)])]),
    [{ ok: false, problem: "bad-reason" }],
  );
});

test("the longest request fits", () => {
  const longest = {
    ...plainWant,
    run: { first: 0, stride: 1, count: MAX_RUN_PIECES },
    skip: new Uint8Array(MAX_RUN_PIECES / 8).fill(255),
    digest: "d".repeat(255),
  };
  const frame = { type: "want", want: longest } as const;
  assert.deepEqual(readAll("parent", [encodePieceFrame(frame)]), [{ ok: true, frame }]);
  assert.throws(() => encodePieceFrame({ type: "want", want: { ...longest, digest: "d".repeat(256) } }), RangeError);
  assert.throws(
    () => encodePieceFrame({ type: "want", want: { ...longest, run: { ...longest.run, count: MAX_RUN_PIECES + 1 } } }),
    RangeError,
  );
});

test("a frame that is kept does not change when the reader goes on", () => {
  const first = { type: "claim", key: new Uint8Array(32).fill(1), nonce: new Uint8Array(32).fill(2) } as const;
  const second = { type: "claim", key: new Uint8Array(32).fill(3), nonce: new Uint8Array(32).fill(4) } as const;
  const reads = readAll("child", [encodePieceFrame(first), encodePieceFrame(second)]);
  assert.deepEqual(reads, [
    { ok: true, frame: first },
    { ok: true, frame: second },
  ]);
});
