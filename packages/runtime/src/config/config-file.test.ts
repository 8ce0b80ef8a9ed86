import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfigText } from "./config-file.ts";

function problemOf(text: string): string {
  const read = parseConfigText(text, "darner.yaml");
  assert.ok(Array.isArray(read), "it is taken for a configuration");
  return read[0]?.problem ?? "";
}

test("a map in the place of a key is told, at once, however deep the nesting", () => {
  for (const text of ["? {a: 1}\n: 2", "? ".repeat(20), "store: {? [1] : 2}"]) assert.match(problemOf(text), /in the place of a key/, text);
});

test("a text that is nested without end is told", () => {
  for (const text of ["- ", "? ", "[", "{ ", "[\n"]) assert.match(problemOf(text.repeat(500_000 / text.length)), /nested too deeply/, text);
});
