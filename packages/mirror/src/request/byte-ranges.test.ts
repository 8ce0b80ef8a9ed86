import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ByteRange } from "@darner/domain";
import { readRanges } from "./byte-ranges.ts";

test("contract 1.6: each form of Range on a blob of 3000 bytes", () => {
  const one = (start: number, end: number): object => ({ kind: "one", range: { start, end } });
  const table: [string | undefined, object][] = [
    [undefined, { kind: "whole" }],
    ["bytes=0-", one(0, 3000)],
    ["bytes=500-1499", one(500, 1500)],
    ["bytes=500-", one(500, 3000)],
    ["bytes=-500", one(2500, 3000)],
    ["bytes=2000-5000", one(2000, 3000)],
    ["bytes=500-0", { kind: "unsatisfiable" }],
    ["bytes=5000-10000", { kind: "unsatisfiable" }],
    ["bytes=3000-", { kind: "unsatisfiable" }],
    ["bytes=-0", { kind: "unsatisfiable" }],
    ["bytes=-999999", one(0, 3000)],
    ["bytes=0-0", one(0, 1)],
    ["bytes=abc", { kind: "whole" }],
    ["bytes=-", { kind: "whole" }],
    ["bytes=", { kind: "whole" }],
    ["items=0-1", { kind: "whole" }],
    ["Bytes=0-1", one(0, 2)],
    ["bytes=0x1-2", { kind: "whole" }],
    ["bytes=99999999999999999999999-", { kind: "unsatisfiable" }],
    ["bytes=0-99999999999999999999999", one(0, 3000)],
    [
      "bytes=0-1, 5-6",
      {
        kind: "several",
        ranges: [
          { start: 0, end: 2 },
          { start: 5, end: 7 },
        ],
      },
    ],
    [
      "bytes=5-6,0-1",
      {
        kind: "several",
        ranges: [
          { start: 5, end: 7 },
          { start: 0, end: 2 },
        ],
      },
    ],
    ["bytes=0-1,9999-", one(0, 2)],
    ["bytes=0-5,3-9", { kind: "whole" }],
    ["bytes=0-1,x", { kind: "whole" }],
    ["bytes=8000-,9000-", { kind: "unsatisfiable" }],
  ];
  for (const [header, expected] of table) assert.deepEqual(readRanges(header, 3000, 8), expected, header);
});

test("case 44: more ranges than are answered in one response mean the whole blob", () => {
  const specs = Array.from({ length: 9 }, (_, at) => `${String(at * 10)}-${String(at * 10 + 1)}`);
  assert.equal(readRanges(`bytes=${specs.slice(1).join(",")}`, 3000, 8).kind, "several");
  assert.equal(readRanges(`bytes=${specs.join(",")}`, 3000, 8).kind, "whole");
});

test("case 59: ranges beyond 2^31 and 2^32 are exact", () => {
  const size = 12 * 2 ** 30;
  assert.deepEqual(readRanges("bytes=8589934593-", size, 8), { kind: "one", range: { start: 8_589_934_593, end: size } });
});

const SPEC = fc.oneof(
  fc.tuple(fc.nat(40), fc.nat(40)).map(([from, to]) => `${String(from)}-${String(to)}`),
  fc.nat(40).map((from) => `${String(from)}-`),
  fc.nat(40).map((last) => `-${String(last)}`),
  fc.constantFrom("", "-", "a-b", "1-2-3", "9".repeat(30) + "-"),
);

/** Slow and obvious: the bytes a spec names, one by one. */
function bytesOf(spec: string, size: number): number[] | undefined {
  const all = Array.from({ length: size }, (_, at) => at);
  const closed = /^(\d+)-(\d+)$/.exec(spec);
  if (closed !== null) return all.filter((at) => at >= Number(closed[1]) && at <= Number(closed[2]));
  const open = /^(\d+)-$/.exec(spec);
  if (open !== null) return all.filter((at) => at >= Number(open[1]));
  const suffix = /^-(\d+)$/.exec(spec);
  return suffix === null ? undefined : all.filter((at) => at >= size - Number(suffix[1]));
}

function reference(specs: readonly string[], size: number): number[][] | "whole" | "unsatisfiable" {
  const named = specs.filter((spec) => spec !== "").map((spec) => bytesOf(spec, size));
  if (named.length === 0 || named.includes(undefined)) return "whole";
  const existing = named.filter((bytes) => bytes !== undefined && bytes.length > 0) as number[][];
  if (existing.length === 0) return "unsatisfiable";
  return new Set(existing.flat()).size < existing.flat().length ? "whole" : existing;
}

test("the parser says what a slow reading byte by byte says", () => {
  fc.assert(
    fc.property(fc.array(SPEC, { maxLength: 4 }), fc.nat(32), (specs, size) => {
      const found = readRanges(`bytes=${specs.join(", ")}`, size, 1024);
      const bytes = (range: ByteRange): number[] => Array.from({ length: range.end - range.start }, (_, at) => range.start + at);
      const expected = reference(specs, size);
      if (found.kind === "whole" || found.kind === "unsatisfiable") assert.equal(found.kind, expected);
      else assert.deepEqual((found.kind === "one" ? [found.range] : found.ranges).map(bytes), expected);
    }),
    { numRuns: 3000 },
  );
});

test("whatever the header, a range never lies outside the blob and is never empty", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => `bytes=${text}`),
      ),
      fc.maxSafeNat(),
      (header, size) => {
        const found = readRanges(header, size, 16);
        const ranges = found.kind === "one" ? [found.range] : found.kind === "several" ? found.ranges : [];
        return ranges.every(({ start, end }) => Number.isSafeInteger(start) && start >= 0 && start < end && end <= size);
      },
    ),
    { numRuns: 2000 },
  );
});
