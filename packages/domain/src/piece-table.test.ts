import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PIECE_HASH_BYTES, PieceTable, type PieceHash } from "./piece-table.ts";

const hash = fc.uint8Array({ minLength: PIECE_HASH_BYTES, maxLength: PIECE_HASH_BYTES });
const hashOf = (byte: number): Uint8Array => new Uint8Array(PIECE_HASH_BYTES).fill(byte);

test("the first line of a piece stands for ever: the same again is the same, another is a conflict", () => {
  // Few pieces and few hashes, so that the same and the contradicting often come.
  const line = fc.record(
    { piece: fc.integer({ min: -1, max: 6 }), hash: fc.oneof(hash, fc.constantFrom(hashOf(1), hashOf(2))) },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.nat(5), fc.array(line, { maxLength: 30 }), (size, lines) => {
      const table = new PieceTable(size);
      const first = new Map<number, PieceHash>();
      for (const each of lines) {
        const known = first.get(each.piece);
        const isPiece = each.piece >= 0 && each.piece < size;
        const expected = !isPiece
          ? "conflict"
          : known === undefined
            ? "new"
            : Buffer.compare(known.hash, each.hash) === 0
              ? "same"
              : "conflict";
        assert.equal(table.add(each), expected);
        if (expected === "new") first.set(each.piece, each);
      }
      const ascending = [...first.values()].sort((left, right) => left.piece - right.piece);
      assert.deepEqual([...table.entries()], ascending);
    }),
  );
});

test("a hash of one other bit does not match", () => {
  fc.assert(
    fc.property(hash, fc.nat(PIECE_HASH_BYTES * 8 - 1), (bytes, bit) => {
      const table = new PieceTable(1);
      table.add({ piece: 0, hash: bytes });
      const other = bytes.slice();
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.deepEqual([table.matches(0, bytes), table.matches(0, other)], [true, false]);
    }),
  );
});

test("of a piece it does not know it says nothing", () => {
  const table = new PieceTable(2);
  table.add({ piece: 0, hash: hashOf(1) });
  assert.deepEqual([table.has(1), table.get(1), table.matches(1, hashOf(1))], [false, undefined, undefined]);
  assert.deepEqual([table.has(2), table.get(-1), table.matches(7, hashOf(1))], [false, undefined, undefined]);
});

test("a hash that is too short or too long is a conflict, and so is a number that is no piece; neither changes a line", () => {
  const table = new PieceTable(2);
  table.add({ piece: 0, hash: hashOf(1) });
  for (const length of [0, 31, 33]) assert.equal(table.add({ piece: 1, hash: new Uint8Array(length) }), "conflict");
  for (const piece of [Number.NaN, 0.5, -1, 2, 2 ** 32]) assert.equal(table.add({ piece, hash: hashOf(9) }), "conflict", String(piece));
  assert.deepEqual([...table.entries()], [{ piece: 0, hash: hashOf(1) }]);
});

test("what is added is copied: the caller may use its buffer again", () => {
  const table = new PieceTable(1);
  const buffer = hashOf(1);
  table.add({ piece: 0, hash: buffer });
  buffer.fill(2);
  assert.equal(table.matches(0, hashOf(1)), true);
});
