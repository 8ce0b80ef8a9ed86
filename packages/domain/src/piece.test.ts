import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { pieceAt, pieceCount, pieceLength, pieceRange, piecesOf, runsOf } from "./piece.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const TIB = 1024 ** 4;
// Sizes where pieces get longer, and everything around and between.
const size = fc.oneof(
  fc.integer({ min: 0, max: 16 * TIB }),
  fc.tuple(fc.integer({ min: 0, max: 44 }), fc.integer({ min: -2, max: 2 })).map(([power, off]) => Math.max(0, 2 ** power + off)),
);

test("the piece length is the one every node computes: min(64 MiB, max(256 KiB, 2^ceil(log2(size / 256))))", () => {
  fc.assert(
    fc.property(size, (bytes) => {
      const length = pieceLength(bytes);
      assert.ok(Number.isInteger(Math.log2(length)) && length >= 256 * KIB && length <= 64 * MIB);
      // The smallest such power of two that needs at most 256 pieces, unless the largest one needs more.
      if (length < 64 * MIB) assert.ok(length * 256 >= bytes);
      if (length > 256 * KIB) assert.ok((length / 2) * 256 < bytes);
    }),
  );
});

test("known sizes have known piece lengths", () => {
  const table: readonly (readonly [number, number])[] = [
    [0, 256 * KIB],
    [1, 256 * KIB],
    [64 * MIB, 256 * KIB],
    [64 * MIB + 1, 512 * KIB],
    [1024 * MIB, 4 * MIB],
    [16 * 1024 * MIB, 64 * MIB],
    [TIB, 64 * MIB],
  ];
  for (const [bytes, length] of table) assert.equal(pieceLength(bytes), length, String(bytes));
});

test("the pieces of a blob cover it without gap or overlap, and each byte is in the piece that pieceAt names", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 300 * MIB }), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (bytes, where) => {
      let covered = 0;
      for (let piece = 0; piece < pieceCount(bytes); piece++) {
        const range = pieceRange(bytes, piece);
        assert.equal(range.start, covered);
        assert.ok(range.end > range.start && range.end - range.start <= pieceLength(bytes));
        covered = range.end;
      }
      assert.equal(covered, bytes);
      if (bytes === 0) return;
      const offset = Math.floor(where * bytes);
      const { start, end } = pieceRange(bytes, pieceAt(bytes, offset));
      assert.ok(start <= offset && offset < end);
    }),
  );
});

test("the empty blob has no piece, and the largest has a table of 8 MiB", () => {
  assert.equal(pieceCount(0), 0);
  assert.equal(pieceCount(16 * TIB) * 32, 8 * MIB);
});

test("runs give back exactly the pieces they were made of, ascending, and never touch each other", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(400), { maxLength: 200 }), (numbers) => {
      const pieces = numbers.sort((left, right) => left - right);
      const runs = runsOf(pieces);
      assert.deepEqual(runs.flatMap(piecesOf), pieces);
      for (const [index, run] of runs.entries()) {
        const next = runs[index + 1];
        if (next !== undefined) assert.ok(run.first + run.count < next.first);
      }
    }),
  );
});

test("a run with a stride names every stride-th piece", () => {
  assert.deepEqual(piecesOf({ first: 3, stride: 4, count: 3 }), [3, 7, 11]);
  assert.deepEqual(piecesOf({ first: 3, stride: 4, count: 0 }), []);
});
