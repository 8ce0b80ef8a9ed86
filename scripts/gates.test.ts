import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import type { StepResult } from "./check/step.ts";
import { STEPS } from "./check/steps.ts";
import { GOOD_CODE } from "./gates/good-code.ts";
import { VIOLATIONS } from "./gates/violations.ts";
import { openTinyWorkspace } from "./gates/workspace.ts";

// tidy and gates look at the real checkout, whatever root they are given; tidy's checks have their own violations below.
const GATES = STEPS.filter(({ name }) => name !== "tidy" && name !== "gates");

for (const { name, run } of GATES) {
  suite(`the gate "${name}"`, () => {
    test("lets good code pass", async () => {
      using workspace = openTinyWorkspace(GOOD_CODE);
      const { passed, failed, problems } = await run(workspace.root);
      assert.equal(problems, "");
      assert.equal(failed, 0);
      assert.ok(passed > 0);
    });

    // One run over all that is planted for this gate: each violation must be found in its own file, so none can stand in for another.
    const planted = VIOLATIONS.filter(({ step }) => step === name);
    let result: Promise<StepResult> | undefined;
    for (const { name: what, says } of planted) {
      test(`sees ${what}`, async () => {
        result ??= runOnPlanted(name, run);
        const { failed, problems } = await result;
        assert.ok(failed > 0);
        assert.match(problems, says);
      });
    }
  });
}

test("every gate has a violation planted for it", () => {
  for (const { name } of GATES)
    assert.ok(
      VIOLATIONS.some(({ step }) => step === name),
      name,
    );
});

test('the gate "floors" sees that it saw nothing', async () => {
  using workspace = openTinyWorkspace({});
  for (const folder of ["packages", "scripts"]) rmSync(join(workspace.root, folder), { recursive: true, force: true });
  const { failed } = await gate("floors").run(workspace.root);
  assert.equal(failed, 1);
});

test('the gate "unit" sees that there is no test', async () => {
  using workspace = openTinyWorkspace({});
  const { passed, failed, problems } = await gate("unit").run(workspace.root);
  assert.deepEqual({ passed, failed }, { passed: 0, failed: 1 });
  assert.match(problems, /no test file matches/);
});

async function runOnPlanted(step: string, run: (root: string) => Promise<StepResult>): Promise<StepResult> {
  const files = VIOLATIONS.filter((each) => each.step === step).map((each) => each.files);
  using workspace = openTinyWorkspace(Object.assign({}, GOOD_CODE, ...files) as Record<string, string>);
  return await run(workspace.root);
}

function gate(name: string): (typeof GATES)[number] {
  const found = GATES.find((each) => each.name === name);
  assert.ok(found);
  return found;
}
