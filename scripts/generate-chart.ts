// Writes the chart's values.schema.json, README.md and dashboards; `--check` only says which of them is out of date (exit code 1).
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { chartReadme } from "./chart/chart-readme.ts";
import { DASHBOARDS, dashboardJson } from "./chart/dashboards.ts";
import { valuesSchema } from "./chart/values-schema.ts";
import { readValues } from "./chart/values-tree.ts";

const root = join(import.meta.dirname, "..");
const check = process.argv.includes("--check");
const values = readValues(root);

const files: readonly (readonly [string, string])[] = [
  ["values.schema.json", `${JSON.stringify(valuesSchema(values), undefined, 1)}\n`],
  ["README.md", chartReadme(values)],
  ...DASHBOARDS.map((board) => [`dashboards/${board.name}.json`, dashboardJson(board)] as const),
];

for (const [name, text] of files) {
  const path = join(root, "helm/darner", name);
  if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
  if (check) {
    console.error(`helm/darner/${name} is out of date: run node --conditions=source scripts/generate-chart.ts`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
