import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { DEFAULT_LIMITS } from "../limits.ts";
import { stripeLength, unitLength, type StripeConditions } from "./run-length.ts";

const KIB = 1024;

const MANY: StripeConditions = {
  left: 10_000,
  waiting: 8,
  readers: 8,
  sourceRate: 0,
  connectionRate: 0,
  firstByteMs: 0,
  requestsLeft: Infinity,
};

function stripe(conditions: Partial<StripeConditions>, pieceBytes: number = 256 * KIB): number {
  return stripeLength(DEFAULT_LIMITS, pieceBytes, { ...MANY, ...conditions });
}

suite("the length of a run", () => {
  test("a stripe is 1 MiB while the rate is unknown", () => {
    assert.equal(stripe({}), 4);
  });

  test("a stripe is 0.3 s of a known rate", () => {
    assert.equal(stripe({ sourceRate: 100_000_000 }), Math.ceil(30_000_000 / (256 * KIB)));
  });

  test("where connections are slow a stripe is what one brings in 1.5 s, and a piece at least", () => {
    assert.equal(stripe({ sourceRate: 1e6, connectionRate: 2.5 * 256 * KIB }), 3);
    assert.equal(stripe({ sourceRate: 1e6, connectionRate: 100 * KIB }), 1);
    assert.equal(stripe({ sourceRate: 1e6, connectionRate: 1e9 }), 4);
  });

  test("a stripe is at most 1/32 of what is left where eight wait, and at least two pieces as long as every reader can have two", () => {
    assert.equal(stripe({ left: 128, sourceRate: 1e9 }), 4);
    assert.equal(stripe({ left: 20, sourceRate: 1e9 }), 2);
    assert.equal(stripe({ left: 15, sourceRate: 1e9 }), 1);
  });

  test("a peer that waits alone reads longer stripes", () => {
    assert.equal(stripe({ left: 256, waiting: 1, readers: 1, sourceRate: 1e9 }), 64);
  });

  test("a stripe from a slow registry lasts four times its first byte, and is at most a reader's share of the rest", () => {
    assert.equal(stripe({ firstByteMs: 3000, sourceRate: 1_000_000 }), Math.ceil(12_000_000 / (256 * KIB)));
    assert.equal(stripe({ left: 48, readers: 4, waiting: 4, firstByteMs: 3000, sourceRate: 10_000_000 }), 12);
    assert.equal(stripe({ firstByteMs: 3000 }), 16);
  });

  test("where few requests are left, half of them are enough for the rest", () => {
    assert.equal(stripe({ left: 250, requestsLeft: 60 }), 9);
    assert.equal(stripe({ left: 250, requestsLeft: 2 }), 250);
    assert.equal(stripe({ left: 3, requestsLeft: 0 }), 3);
    assert.equal(stripe({ left: 250, requestsLeft: 60, sourceRate: 1e9, waiting: 1, readers: 1 }), 62);
  });

  test("no stripe from a registry that answers in time is longer than 1/32 of what is left or two pieces, whatever the rate", () => {
    fc.assert(
      fc.property(
        fc.nat(5e9),
        fc.integer({ min: 1, max: 65_536 }),
        fc.nat(DEFAULT_LIMITS.runMs),
        fc.constantFrom(256 * KIB, 4096 * KIB, 65_536 * KIB),
        (sourceRate, left, firstByteMs, pieceBytes) => {
          const length = stripe({ sourceRate, left, firstByteMs }, pieceBytes);
          assert.ok(length >= 1 && (length <= 2 || length <= left / 32));
        },
      ),
    );
  });

  test("no stripe from a slow registry is longer than a reader's share of the rest, whatever the rate", () => {
    fc.assert(
      fc.property(
        fc.nat(5e9),
        fc.integer({ min: 1, max: 65_536 }),
        fc.nat(60_000),
        fc.integer({ min: 1, max: 8 }),
        (sourceRate, left, wait, readers) => {
          const length = stripe({ sourceRate, left, readers, firstByteMs: DEFAULT_LIMITS.runMs + 1 + wait });
          assert.ok(length >= 1 && (length === 1 || length <= Math.max(left / readers, left / 32)));
        },
      ),
    );
  });

  test("a peer that waits alone takes longer runs from holders than one of many", () => {
    assert.equal(unitLength(DEFAULT_LIMITS, 256 * KIB, 1e9, 256, 1), 64);
    assert.equal(unitLength(DEFAULT_LIMITS, 256 * KIB, 1e9, 256, 8), 8);
  });
});
