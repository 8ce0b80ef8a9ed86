// npm run test:chart [-- WORD…]: what can be said of the chart without a cluster, with Helm 3 and Helm 4. Ends with the line `N passed, N failed`.
import { join } from "node:path";
import { installTools } from "./chart/harness/tools.ts";
import { runSuite } from "./check/run-suite.ts";

const root = join(import.meta.dirname, "..");

await installTools();
process.exitCode = await runSuite(root, "scripts/chart/*.chart.ts", process.argv.slice(2));
