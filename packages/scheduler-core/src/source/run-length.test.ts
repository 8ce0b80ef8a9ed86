import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { DEFAULT_LIMITS } from "../limits.ts";
import { stripeLength, unitLength } from "./run-length.ts";

const KIB = 1024;

suite("the length of a run", () => {
  test("a stripe is 1 MiB while the rate is unknown", () => {
    assert.equal(stripeLength(DEFAULT_LIMITS, 256 * KIB, 0, 10_000), 4);
  });

  test("a stripe is 0.3 s of a known rate", () => {
    assert.equal(stripeLength(DEFAULT_LIMITS, 256 * KIB, 100_000_000, 10_000), Math.ceil(30_000_000 / (256 * KIB)));
  });

  test("a stripe is at most 1/32 of what is left, and at least one piece", () => {
    assert.equal(stripeLength(DEFAULT_LIMITS, 256 * KIB, 1e9, 64), 2);
    assert.equal(stripeLength(DEFAULT_LIMITS, 256 * KIB, 1e9, 5), 1);
  });

  test("no stripe is longer than 1/32 of what is left, whatever the rate", () => {
    fc.assert(
      fc.property(
        fc.nat(5e9),
        fc.integer({ min: 1, max: 65_536 }),
        fc.constantFrom(256 * KIB, 4096 * KIB, 65_536 * KIB),
        (rate, left, piece) => {
          const length = stripeLength(DEFAULT_LIMITS, piece, rate, left);
          assert.ok(length >= 1 && (length === 1 || length <= left / 32));
        },
      ),
    );
  });

  test("a peer that waits alone takes longer runs from holders than one of many", () => {
    assert.equal(unitLength(DEFAULT_LIMITS, 256 * KIB, 1e9, 256, 1), 64);
    assert.equal(unitLength(DEFAULT_LIMITS, 256 * KIB, 1e9, 256, 8), 8);
  });
});
