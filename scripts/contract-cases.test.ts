import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { CASES, WAITING } from "./contract-cases/cases.ts";
import { casesPage } from "./contract-cases/page.ts";
import { casesIn, testedCases, testNames } from "./contract-cases/tested-cases.ts";

const ROOT = new URL("../", import.meta.url);
const tested = testedCases(fileURLToPath(ROOT));

test("every numbered case of the contract is tested by name, or said to wait and why", () => {
  const open = CASES.map((_, at) => at + 1).filter((number) => !tested.has(number) && !WAITING.has(number));
  assert.equal(CASES.length, 90);
  assert.deepEqual(open, [], "neither tested nor waiting");
});

test("no case is said to wait that is tested, and no test names a case that there is not", () => {
  assert.deepEqual(
    [...WAITING.keys()].filter((number) => tested.has(number)),
    [],
  );
  assert.deepEqual(
    [...tested.keys()].filter((number) => number < 1 || number > CASES.length),
    [],
  );
});

test("docs/contract-cases.md says what is so", () => {
  const page = readFileSync(new URL("docs/contract-cases.md", ROOT), "utf8");
  assert.equal(page, casesPage(tested), "out of date: run node scripts/generate-contract-cases.ts");
});

test("cases are found in every way a name mentions them, and in nothing else", () => {
  assert.deepEqual(casesIn("case 43: a range"), [43]);
  assert.deepEqual(casesIn("Cases 47 and 48: 206"), [47, 48]);
  assert.deepEqual(casesIn("case 20, 22: types; case 24, too"), [20, 22, 24]);
  assert.deepEqual(casesIn("cases 15–17, and 3 more"), [15, 16, 17]);
  assert.deepEqual(casesIn("in 43 cases, 12 of which fail"), []);
  assert.deepEqual(testNames('test("case 1: a", () => {});\ntest(\n  `case 2: ${b}`,\n  f);\nawait t.test("c", g);'), [
    "case 1: a",
    "case 2: ${b}",
    "c",
  ]);
  assert.deepEqual(testNames('test.skip("case 1: a");\ntest.todo("case 2: b");\nit.skip("c")'), []);
});
