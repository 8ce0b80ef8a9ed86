// Writes docs/cli.md from the commands; `--check` only says whether it is out of date (exit code 1).
import { readFileSync, writeFileSync } from "node:fs";
import { commandReference } from "../packages/cli/src/command-reference.ts";
import { COMMANDS } from "../packages/cli/src/commands.ts";

const FILE = new URL("../docs/cli.md", import.meta.url);
const text = commandReference(COMMANDS);

if (!process.argv.includes("--check")) writeFileSync(FILE, text);
else if (readFileSync(FILE, "utf8") !== text) {
  console.error("docs/cli.md is out of date: run node --conditions=source scripts/generate-cli-docs.ts");
  process.exitCode = 1;
}
