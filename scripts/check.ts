// npm test [-- --only STEP | --skip STEP]: everything that must hold before a change is good, in one run. Ends with the line `N passed, N failed`.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { e2eNote } from "./check/e2e-note.ts";
import { oneTest, type Step, type StepResult } from "./check/step.ts";
import { STEPS } from "./check/steps.ts";

// Random requests in the short form; npm run e2e asks several thousand.
process.env["DARNER_ROUNDS"] ??= "24";
const root = join(import.meta.dirname, "..");

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const steps = chosen(args);
  if (steps === undefined) {
    process.stderr.write(`usage: npm test [-- --only STEP | --skip STEP]   STEP: ${STEPS.map((step) => step.name).join(", ")}\n`);
    return 2;
  }
  let passed = 0;
  let failed = 0;
  for (const step of steps) {
    const result = await runStep(step);
    passed += result.passed;
    failed += result.failed;
  }
  if (steps.length === STEPS.length) process.stdout.write(`     ${e2eNote()}\n`);
  process.stdout.write(`${String(passed)} passed, ${String(failed)} failed\n`);
  return failed === 0 ? 0 : 1;
}

function chosen(args: readonly string[]): readonly Step[] | undefined {
  try {
    const { values } = parseArgs({ args: [...args], options: { only: { type: "string" }, skip: { type: "string" } } });
    for (const name of Object.values(values)) if (!STEPS.some((step) => step.name === name)) return undefined;
    return STEPS.filter((step) => (values.only === undefined || step.name === values.only) && step.name !== values.skip);
  } catch {
    return undefined;
  }
}

async function runStep({ name, run }: Step): Promise<StepResult> {
  const startedMs = performance.now();
  const result = await run(root).catch((error: unknown) => oneTest(`the step itself failed: ${String(error)}`));
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  const counts = result.passed + result.failed > 1 ? `, ${String(result.passed)} passed, ${String(result.failed)} failed` : "";
  process.stdout.write(`${result.failed === 0 ? "ok  " : "FAIL"} ${name.padEnd(7)} ${seconds.padStart(5)} s${counts}\n`);
  for (const text of [result.problems, result.notes]) if (text !== "") process.stdout.write(`${text.replaceAll(/^/gm, "     ")}\n`);
  return result;
}
