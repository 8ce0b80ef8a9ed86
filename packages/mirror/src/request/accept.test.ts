import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readAccept } from "./accept.ts";

test("case 22: several lines, commas, q-values and parameters make one list", () => {
  const lines = [
    "application/vnd.oci.image.index.v1+json;q=0.9, application/vnd.oci.image.manifest.v1+json ; charset=utf-8",
    "*/*;q=0.1, application/vnd.oci.image.index.v1+json, text/html;q=0",
  ];
  assert.deepEqual(readAccept(lines), ["application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json", "*/*"]);
  assert.deepEqual(readAccept([]), []);
});

test("any lines give a bounded list of media ranges", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 200 }), { maxLength: 5 }), (lines) => {
      const types = readAccept([...lines, Array.from({ length: 100 }, (_, at) => `a/${String(at)}`).join(",")]);
      return types.length <= 64 && types.every((type) => /^[^\s,;]+\/[^\s,;]+$/.test(type));
    }),
  );
});
