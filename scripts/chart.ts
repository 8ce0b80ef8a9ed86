// npm run test:chart [-- WORD…]: what can be said of the chart without a cluster, with Helm 3 and Helm 4. Ends with the line `N passed, N failed`.
import { globSync } from "node:fs";
import { join } from "node:path";
import { installTools } from "./chart/harness/tools.ts";
import { runTests } from "./check/tests.ts";

const root = join(import.meta.dirname, "..");
const words = process.argv.slice(2);

await installTools();
const include = globSync("scripts/chart/*.chart.ts", { cwd: root }).filter((file) => words.every((word) => file.includes(word)));
const { passed, failed, problems, notes } = await runTests(root, { include, exclude: [] });
for (const text of [problems, notes]) if (text !== "") process.stdout.write(`${text}\n`);
process.stdout.write(`${String(passed)} passed, ${String(failed)} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
