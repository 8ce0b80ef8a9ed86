import { globSync } from "node:fs";
import { runTests } from "./tests.ts";

/** Runs the files of a suite that hold every word given in their names, prints what went wrong and the line `N passed, N failed`; gives the exit code. */
export async function runSuite(root: string, pattern: string, words: readonly string[]): Promise<number> {
  const include = globSync(pattern, { cwd: root }).filter((file) => words.every((word) => file.includes(word)));
  const { passed, failed, problems, notes } = await runTests(root, { include, exclude: [] });
  for (const text of [problems, notes]) if (text !== "") process.stdout.write(`${text}\n`);
  process.stdout.write(`${String(passed)} passed, ${String(failed)} failed\n`);
  return failed === 0 ? 0 : 1;
}
