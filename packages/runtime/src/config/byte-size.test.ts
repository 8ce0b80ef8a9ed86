import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseByteSize } from "./byte-size.ts";

test("sizes are numbers of bytes, with or without a unit", () => {
  assert.equal(parseByteSize(0), 0);
  assert.equal(parseByteSize("0"), 0);
  assert.equal(parseByteSize("4MiB"), 4_194_304);
  assert.equal(parseByteSize("1.5GB"), 1_500_000_000);
  assert.equal(parseByteSize("1.1 GB"), 1_100_000_000);
  assert.equal(parseByteSize("100GiB"), 107_374_182_400);
  assert.equal(parseByteSize("7B"), 7);
});

test("what is not a size is refused", () => {
  for (const wrong of [
    "",
    " 1",
    "1 ",
    "-1",
    "1e3",
    "1 Gi",
    "1gib",
    "1,5GB",
    "0x10",
    "99999999TiB",
    "NaN",
    -1,
    1.5,
    NaN,
    Infinity,
    null,
    true,
    {},
    [],
  ]) {
    assert.equal(parseByteSize(wrong), undefined, JSON.stringify(wrong));
  }
});

test("every whole number of KiB reads back", () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 31 }), (n) => parseByteSize(`${String(n)}KiB`) === n * 1024 && parseByteSize(n) === n),
    { numRuns: 200 },
  );
});
