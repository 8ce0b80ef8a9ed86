// Writes docs/contract-cases.md from the names of the tests; `--check` only says whether it is out of date (exit code 1).
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { casesPage } from "./contract-cases/page.ts";
import { testedCases } from "./contract-cases/tested-cases.ts";

const ROOT = new URL("../", import.meta.url);
const file = new URL("docs/contract-cases.md", ROOT);
const page = casesPage(testedCases(fileURLToPath(ROOT)));
if (!process.argv.includes("--check")) writeFileSync(file, page);
else if (!existsSync(file) || readFileSync(file, "utf8") !== page) {
  console.error("docs/contract-cases.md is out of date: run node scripts/generate-contract-cases.ts");
  process.exitCode = 1;
}
