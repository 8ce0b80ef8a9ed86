import { globSync } from "node:fs";
import { join } from "node:path";
import type { StepResult } from "./step.ts";
import { runNode } from "./tool.ts";
import { COUNTS, NOTE, type Counts } from "./reporter.ts";

// A test file takes seconds; one that is not done by then waits for something that will not come, or leaks what keeps the process alive.
// The slowest takes half a minute on two cores that nobody else uses.
const FILE_TIMEOUT_MS = 300_000;
// Two files at once: the gate must end in time on two cores, and more would make tests wait for each other's processor time.
const FILES_AT_ONCE = 2;

/** Runs the test files that the patterns name, with node:test and without a build, and counts them. No test at all is a failure. */
export async function runTests(
  root: string,
  { include, exclude }: { include: readonly string[]; exclude: readonly string[] },
): Promise<StepResult> {
  const files = globSync(include, { cwd: root, exclude }).sort();
  if (files.length === 0) return { passed: 0, failed: 1, problems: `no test file matches ${include.join(", ")}`, notes: "" };
  const { code, output } = await runNode(root, [
    "--conditions=source",
    "--test",
    `--test-concurrency=${String(FILES_AT_ONCE)}`,
    `--test-timeout=${String(FILE_TIMEOUT_MS)}`,
    `--test-reporter=${join(import.meta.dirname, "reporter.ts")}`,
    ...files,
  ]);
  return read(output.split("\n"), code);
}

function read(lines: readonly string[], code: number): StepResult {
  const counts = lines.flatMap((line) => (line.startsWith(COUNTS) ? [JSON.parse(line.slice(COUNTS.length)) as Counts] : [])).at(-1);
  const notes = lines.flatMap((line) => (line.startsWith(NOTE) ? [line.slice(NOTE.length)] : [])).join("\n");
  const problems = lines
    .filter((line) => !line.startsWith(COUNTS) && !line.startsWith(NOTE))
    .join("\n")
    .trim();
  if (counts === undefined)
    return { passed: 0, failed: 1, problems: `${problems}\nthe test runner died (exit code ${String(code)})`, notes };
  const { passed } = counts;
  const failed = counts.failed + counts.cancelled;
  if (passed + failed === 0) return { passed, failed: 1, problems: `${problems}\nno test ran`, notes };
  // Nothing may end well that the runner itself does not call a success.
  const unexplained = failed === 0 && code !== 0 ? 1 : 0;
  return {
    passed,
    failed: failed + unexplained,
    problems: failed + unexplained === 0 ? "" : `${problems}\nexit code ${String(code)}`,
    notes,
  };
}
