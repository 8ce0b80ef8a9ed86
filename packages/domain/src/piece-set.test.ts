import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PieceSet } from "./piece-set.ts";

const NO_PIECES = [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 53];

test("after any adding and taking out it holds what a plain set holds", () => {
  const step = fc.record({ isAdd: fc.boolean(), piece: fc.integer({ min: -2, max: 70 }) });
  fc.assert(
    fc.property(fc.nat(64), fc.array(step, { maxLength: 150 }), fc.nat(70), (size, steps, from) => {
      const set = new PieceSet(size);
      const model = new Set<number>();
      for (const { isAdd, piece } of steps) {
        const isPiece = piece >= 0 && piece < size;
        if (isAdd) assert.equal(set.add(piece), isPiece && !model.has(piece));
        else assert.equal(set.delete(piece), model.has(piece));
        if (isAdd && isPiece) model.add(piece);
        if (!isAdd) model.delete(piece);
      }
      const ascending = [...model].sort((left, right) => left - right);
      assert.deepEqual([...set], ascending);
      assert.equal(set.count, model.size);
      assert.equal(set.isFull, model.size === size);
      assert.equal(set.firstMissing(from), firstMissing(model, size, from));
    }),
  );
});

test("bytes give back the same set, and bits past the end are not held", () => {
  fc.assert(
    fc.property(fc.nat(64), fc.uint8Array({ maxLength: 12 }), (size, bytes) => {
      const set = PieceSet.fromBytes(size, bytes);
      for (let piece = 0; piece < 100; piece++) {
        const bit = piece < size && ((bytes[piece >> 3] ?? 0) >> (piece & 7)) % 2 === 1;
        assert.equal(set.has(piece), bit);
      }
      assert.equal(set.toBytes().length, Math.ceil(size / 8));
      assert.deepEqual([...PieceSet.fromBytes(size, set.toBytes())], [...set]);
    }),
  );
});

test("a number that is no piece is neither held, nor added, nor taken out, and moves no other piece", () => {
  for (const number of NO_PIECES) {
    const set = PieceSet.fromBytes(10, Uint8Array.of(0b11, 0));
    assert.equal(set.has(number), false, String(number));
    assert.equal(set.add(number), false, String(number));
    assert.equal(set.delete(number), false, String(number));
    assert.deepEqual([...set], [0, 1], String(number));
  }
});

test("the first missing piece is never before the first", () => {
  assert.equal(new PieceSet(3).firstMissing(-5), 0);
  assert.equal(PieceSet.full(3).firstMissing(-5), 3);
});

test("a clone and the bytes handed out are copies", () => {
  const set = PieceSet.fromBytes(9, Uint8Array.of(1));
  const clone = set.clone();
  clone.add(8);
  set.toBytes().fill(0xff);
  assert.deepEqual([[...set], [...clone]], [[0], [0, 8]]);
});

test("a full set is full, also of nothing", () => {
  for (const size of [0, 1, 8, 9, 256]) assert.ok(PieceSet.full(size).isFull && PieceSet.full(size).count === size);
  assert.ok(new PieceSet(0).isFull);
});

function firstMissing(model: ReadonlySet<number>, size: number, from: number): number {
  for (let piece = from; piece < size; piece++) if (!model.has(piece)) return piece;
  return size;
}
