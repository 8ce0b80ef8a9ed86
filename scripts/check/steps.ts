import { join } from "node:path";
import { needsDebian, suiteFiles } from "./suite-files.ts";
import { checkFloors } from "./floors.ts";
import { oneTest, type Step, type StepResult } from "./step.ts";
import { runTests } from "./tests.ts";
import { runTool } from "./tool.ts";

/** The tests that look at the checkout itself, not at a package; each has its own step. */
export const TIDY_TEST = "scripts/tidy.test.ts";
export const GATES_TEST = "scripts/gates.test.ts";
// The parts of the end-to-end suite that need nothing but npm; the others need root and programs from Debian packages.
const SUITE = "packages/cli/e2e";
const UNIT_TESTS = ["packages/*/{src,test,bench,demo,fuzz}/**/*.test.ts", "scripts/**/*.test.ts"];

/** The steps of `npm test`, the cheap ones first. */
export const STEPS: readonly Step[] = [
  { name: "format", run: checkFormat },
  { name: "types", run: checkTypes },
  { name: "lint", run: checkLint },
  { name: "floors", run: async (root) => oneTest(await checkFloors(root)) },
  { name: "unused", run: checkUnused },
  { name: "tidy", run: (root) => runTests(root, { include: [TIDY_TEST], exclude: [] }) },
  { name: "gates", run: (root) => runTests(root, { include: [GATES_TEST], exclude: [] }) },
  { name: "unit", run: (root) => runTests(root, { include: UNIT_TESTS, exclude: [TIDY_TEST, GATES_TEST] }) },
  { name: "process", run: (root) => runTests(root, { include: processTests(root), exclude: [] }) },
];

function processTests(root: string): string[] {
  const dir = join(root, SUITE);
  return suiteFiles(dir)
    .filter((file) => !needsDebian(dir, file))
    .map((file) => `${SUITE}/${file}`);
}

async function checkFormat(root: string): Promise<StepResult> {
  const { code, output } = await runTool(root, "node_modules/prettier/bin/prettier.cjs", ["--check", "--log-level", "warn", "."]);
  return oneTest(code === 0 ? "" : `${output.trimEnd()}\n(npm run format mends this)`);
}

// First the packages, each under its own rules (a core knows no `setTimeout`), then everything once more with the tests.
async function checkTypes(root: string): Promise<StepResult> {
  const packages = await runTool(root, "node_modules/typescript/bin/tsc", ["-b", "--pretty", "false"]);
  const tests = await runTool(root, "node_modules/typescript/bin/tsc", ["-p", "tsconfig.test.json", "--pretty", "false"]);
  if (packages.code === 0 && tests.code === 0) return oneTest("");
  const lines = new Set(`${packages.output}\n${tests.output}`.split("\n").filter((line) => line !== ""));
  return oneTest([...lines].join("\n") || "tsc failed and said nothing");
}

async function checkLint(root: string): Promise<StepResult> {
  const { code, output } = await runTool(root, "node_modules/eslint/bin/eslint.js", [".", "--max-warnings", "0"]);
  return oneTest(code === 0 ? "" : output.trim());
}

async function checkUnused(root: string): Promise<StepResult> {
  const { code, output } = await runTool(root, "node_modules/knip/bin/knip.js", ["--no-progress", "--no-config-hints"]);
  return oneTest(code === 0 ? "" : output.trim());
}
