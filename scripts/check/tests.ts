import { globSync } from "node:fs";
import { join } from "node:path";
import type { StepResult } from "./step.ts";
import { LIVES_ON, testFlags } from "./test-flags.ts";
import { runNode } from "./tool.ts";
import { COUNTS, NOTE, type Counts } from "./reporter.ts";

// A test takes seconds; one that is not done by then waits for something that will not come.
const TEST_TIMEOUT_MS = 300_000;
// The runner tells of each test when it ends, and a test that waits in vain is ended before this. What is silent for longer blocks its own process.
const SILENT_MS = TEST_TIMEOUT_MS + 60_000;
// Two files at once: the gate must end in time on two cores, and more would make tests wait for each other's processor time.
const FILES_AT_ONCE = 2;

/** Which test files to run, and other limits than the usual ones: how long the runner may be silent, and how long a file may live on after its last test. */
export type TestPlan = {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly silentMs?: number;
  readonly livesOnMs?: number;
};

/**
 * Runs the test files that the patterns name, with node:test and without a build, and counts them. No test at all is a failure; a file that
 * dies, hangs or does not end is one, and what passed beside it still counts.
 */
export async function runTests(root: string, { include, exclude, silentMs = SILENT_MS, livesOnMs }: TestPlan): Promise<StepResult> {
  const files = globSync(include, { cwd: root, exclude }).sort();
  if (files.length === 0) return { passed: 0, failed: 1, problems: `no test file matches ${include.join(", ")}`, notes: "" };
  const reporter = `--test-reporter=${join(import.meta.dirname, "reporter.ts")}`;
  const flags = [...testFlags(TEST_TIMEOUT_MS), `--test-concurrency=${String(FILES_AT_ONCE)}`, reporter];
  const { code, output } = await runNode(
    root,
    [...flags, ...files],
    livesOnMs === undefined ? {} : { [LIVES_ON]: String(livesOnMs) },
    silentMs,
  );
  return read(output.split("\n"), code);
}

function read(lines: readonly string[], code: number): StepResult {
  const counts = lines.flatMap((line) => (line.startsWith(COUNTS) ? [JSON.parse(line.slice(COUNTS.length)) as Counts] : [])).at(-1);
  const notes = lines.flatMap((line) => (line.startsWith(NOTE) ? [line.slice(NOTE.length)] : [])).join("\n");
  const problems = lines
    .filter((line) => !line.startsWith(COUNTS) && !line.startsWith(NOTE))
    .join("\n")
    .trim();
  const { passed = 0, isWhole = false } = counts ?? {};
  const failed = (counts?.failed ?? 0) + (counts?.cancelled ?? 0);
  if (!isWhole)
    return { passed, failed: failed + 1, problems: `${problems}\nthe test runner died before its end (exit code ${String(code)})`, notes };
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
