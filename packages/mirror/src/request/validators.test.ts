import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "@darner/domain";
import { etagOf, ifRangeHolds, noneMatchHits } from "./validators.ts";

const DIGEST = digestOf(`sha256:${"b".repeat(64)}`);

test("case 31: If-None-Match knows lists, *, weak and unquoted validators, and nothing else", () => {
  for (const hit of [etagOf(DIGEST), DIGEST, "*", `W/${etagOf(DIGEST)}`, `"other", ${etagOf(DIGEST)}`])
    assert.equal(noneMatchHits(hit, DIGEST), true, hit);
  for (const miss of [undefined, "", '"other"', `${DIGEST}x`, `"${DIGEST}`]) assert.equal(noneMatchHits(miss, DIGEST), false, miss);
});

test("case 45: only the strong validator of this content lets a Range count", () => {
  assert.equal(ifRangeHolds(undefined, DIGEST), true);
  assert.equal(ifRangeHolds(etagOf(DIGEST), DIGEST), true);
  for (const other of [`W/${etagOf(DIGEST)}`, '"x"', "Wed, 21 Oct 2015 07:28:00 GMT", ""])
    assert.equal(ifRangeHolds(other, DIGEST), false, other);
});
