import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { StepResult } from "./step.ts";
import { runTests, type TestPlan } from "./tests.ts";

const HEAD = `import { test } from "node:test";\n`;
const GOOD = `${HEAD}test("one", () => {});\ntest("two", () => {});\n`;

// What ended is on its way to the runner for a moment.
const WAIT = `const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));\n`;

/** Runs these files in a folder of their own. */
async function results(files: Readonly<Record<string, string>>, limits: Partial<TestPlan> = {}): Promise<StepResult> {
  const root = mkdtempSync(join(tmpdir(), "darner-check-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
    return await runTests(root, { include: ["*.mjs"], exclude: [], ...limits });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function counts({ passed, failed }: StepResult): object {
  return { passed, failed };
}

test("a file that cannot be loaded is a failure with what it said, and the others count", async () => {
  const result = await results({ "bad.mjs": `${HEAD}import "./nowhere.mjs";\ntest("never", () => {});\n`, "good.mjs": GOOD });
  assert.deepEqual(counts(result), { passed: 2, failed: 1 });
  assert.match(result.problems, /bad\.mjs printed:[^]*Cannot find module[^]*nowhere\.mjs/);
});

for (const [how, end] of [
  ["ends itself in the middle", "process.exit(3)"],
  ["is killed", `process.kill(process.pid, "SIGKILL")`],
  ["throws outside of its tests", `setImmediate(() => { throw new Error("outside"); })`],
] as const) {
  test(`a file that ${how} is a failure, and what passed before and beside it counts`, async () => {
    const text = `${HEAD}${WAIT}test("before", () => {});\ntest("waits", async () => { await wait(200); ${end}; await wait(1_000); });\n`;
    const result = await results({ "dies.mjs": text, "good.mjs": GOOD });
    assert.deepEqual(counts(result), { passed: 3, failed: 1 });
    assert.match(result.problems, /dies\.mjs/);
  });
}

test("a file that lives on after its last test is ended, and says what kept it alive", async () => {
  const result = await results({ "leaks.mjs": `${GOOD}setInterval(() => {}, 1_000);\n`, "good.mjs": GOOD }, { livesOnMs: 300 });
  assert.deepEqual(counts(result), { passed: 4, failed: 1 });
  assert.match(result.problems, /leaks\.mjs printed:[^]*still alive 300 ms after its last test, because of .*Timeout \(1\)/);
});

test("a test that blocks its process ends the run by its name, and what had ended counts", async () => {
  const result = await results(
    { "blocks.mjs": `${GOOD}${WAIT}test("blocks", async () => { await wait(200); for (;;); });\n`, "good.mjs": GOOD },
    { silentMs: 3_000 },
  );
  assert.deepEqual(counts(result), { passed: 4, failed: 1 });
  assert.match(result.problems, /was still running: .*blocks\.mjs[^]*not a word for 3000 ms[^]*the test runner died before its end/);
});

test("a failure that prints any bytes is told in text", async () => {
  const text = `${HEAD}test("prints", () => { process.stdout.write(Buffer.from([0, 0xff, 0x0e, 0xc3, 10])); throw new Error("here"); });\n`;
  const result = await results({ "bytes.mjs": text, "good.mjs": GOOD });
  assert.deepEqual(counts(result), { passed: 2, failed: 1 });
  assert.match(result.problems, /bytes\.mjs:2 prints\n {2}Error: here/);
});
