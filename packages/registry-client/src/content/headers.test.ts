import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { contentLength, contentRange, retryAfterMs } from "./headers.ts";

test("a Content-Range written by the grammar reads back", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 2 ** 40 }), fc.nat(), fc.boolean(), (start, length, rest, known) => {
      const total = start + length + rest;
      const value = `bytes ${String(start)}-${String(start + length - 1)}/${known ? String(total) : "*"}`;
      assert.deepEqual(contentRange({ "content-range": value }), { start, end: start + length, ...(known && { total }) });
    }),
  );
});

test("a Content-Range that contradicts itself or is none reads as none", () => {
  const bad = [
    "",
    "bytes 5-4/10",
    "bytes 0-9/9",
    "bytes */10",
    "bytes 0-9",
    "bytes 0-9/",
    "items 0-9/10",
    "bytes -1-9/10",
    "bytes 0-9/10, bytes 0-9/10",
  ];
  for (const value of [...bad, `bytes 0-9/${"9".repeat(17)}`, `bytes 0-9/${"9".repeat(16)}`])
    assert.equal(contentRange({ "content-range": value }), undefined, value);
  assert.equal(contentRange({ "content-range": ["bytes 0-9/10", "bytes 0-9/10"] }), undefined);
});

test("whatever comes in, a length is a byte count or nothing, and so is a pause", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.integer().map(String), fc.float().map(String)), (value) => {
      const length = contentLength({ "content-length": value });
      assert.ok(length === undefined || (Number.isSafeInteger(length) && length >= 0));
      const pause = retryAfterMs({ "retry-after": value }, 0);
      assert.ok(pause === undefined || (pause >= 0 && pause <= 3_600_000));
    }),
  );
});
