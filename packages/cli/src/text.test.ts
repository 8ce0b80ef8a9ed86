import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bytesText, durationText, wrapped } from "./text.ts";

test("bytes are told in the unit that fits", () => {
  const told = [0, 1, 1023, 1024, 1536, 1024 ** 2, 64 * 1024 ** 2, 1024 ** 3, 5 * 1024 ** 4, 5000 * 1024 ** 4].map(bytesText);
  assert.deepEqual(told, ["0 B", "1 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "64.0 MiB", "1.0 GiB", "5.0 TiB", "5000.0 TiB"]);
});

test("durations are told in the two units that matter", () => {
  const told = [0, 59, 60, 200, 3600, 7500, 86_400, 273_600].map(durationText);
  assert.deepEqual(told, ["0 s", "59 s", "1 min 0 s", "3 min 20 s", "1 h 0 min", "2 h 5 min", "1 d 0 h", "3 d 4 h"]);
});

test("wrapped text keeps every word in order, and no line is longer than 80 unless one word is", () => {
  const word = fc.string({ minLength: 1, maxLength: 100, unit: fc.constantFrom("a", "b", "–") });
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 60 }), fc.nat(20), (words, indent) => {
      const lines = wrapped(words.join(" "), " ".repeat(indent));
      assert.equal(lines.map((line) => line.slice(indent)).join(" "), words.join(" "));
      for (const line of lines) assert.ok(line.length <= 80 || !line.slice(indent).includes(" "));
    }),
  );
});
