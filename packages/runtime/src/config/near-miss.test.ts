import assert from "node:assert/strict";
import { test } from "node:test";
import { nearMiss } from "./near-miss.ts";

test("a misspelling, another case and other separators find the key that was meant", () => {
  const keys = ["maxBytes", "minFreeBytes", "seed"];
  assert.equal(nearMiss("max_bytes", keys), "maxBytes");
  assert.equal(nearMiss("MaxByte", keys), "maxBytes");
  assert.equal(nearMiss("minFreBytse", keys), undefined);
  assert.equal(nearMiss("minFreBytes", keys), "minFreeBytes");
  assert.equal(nearMiss("sed", keys), "seed");
});

test("another word finds nothing", () => {
  assert.equal(nearMiss("colour", ["maxBytes", "seed"]), undefined);
  assert.equal(nearMiss("x", ["y"]), undefined);
  assert.equal(nearMiss("", ["seed"]), undefined);
});
