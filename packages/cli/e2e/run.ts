import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { needsDebian, suiteFiles } from "../../../scripts/check/suite-files.ts";
import { missingTools } from "../../../scripts/check/suite-programs.ts";
import { testFlags } from "../../../scripts/check/test-flags.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
// The longest test, thousands of random requests, takes two minutes on two busy cores.
const TEST_TIMEOUT_MS = 300_000;

// Files that wait for most of their time run beside the others.
const WAITING = ["harbor-keep-alive.e2e.ts"];

type Totals = { readonly passed: number; readonly failed: number };

/** Runs the files of the suite one after the other, but for those that mostly wait (those whose names hold one of the words given, else all; never one that holds a word of `--but`) and closes with the plain line. */
async function main(args: readonly string[]): Promise<void> {
  const options = { but: { type: "string", multiple: true } } as const;
  const { values, positionals: words } = parseArgs({ args: [...args], options, allowPositionals: true });
  const unwanted = values.but ?? [];
  const isChosen = (file: string): boolean => words.length === 0 || words.some((word) => file.includes(word));
  const chosen = suiteFiles(HERE).filter((file) => isChosen(file) && !unwanted.some((word) => file.includes(word)));
  const missing = missingTools();
  const files = missing === undefined ? chosen : chosen.filter((file) => !needsDebian(HERE, file));
  const skipped = chosen.length - files.length;
  if (missing !== undefined) console.log(`skipped: ${String(skipped)} files of the suite: ${missing}`);
  const isWaiting = (file: string): boolean => WAITING.includes(file);
  const runs = [files.filter((file) => !isWaiting(file)), files.filter(isWaiting)].filter((part) => part.length > 0);
  const totals = await Promise.all(runs.map((part) => runFiles(part)));
  const [passed, failed] = [totals.reduce((sum, run) => sum + run.passed, 0), totals.reduce((sum, run) => sum + run.failed, 0)];
  console.log(`${String(passed)} passed, ${String(failed)} failed${skipped === 0 ? "" : `, ${String(skipped)} skipped`}`);
  if (failed > 0 || passed + skipped === 0) process.exitCode = 1;
}

async function runFiles(files: readonly string[]): Promise<Totals> {
  const flags = [...testFlags(TEST_TIMEOUT_MS), "--test-concurrency=1", "--test-reporter=spec"];
  const child = spawn(process.execPath, [...flags, ...files.map((file) => `${HERE}${file}`)], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    process.stdout.write(text);
    output += text;
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  const failed = totalIn(output, "fail") + totalIn(output, "cancelled");
  return { passed: totalIn(output, "pass"), failed: code !== 0 && failed === 0 ? 1 : failed };
}

function totalIn(output: string, word: string): number {
  return Number(new RegExp(`^ℹ ${word} ([0-9]+)$`, "m").exec(output)?.[1] ?? 0);
}

await main(process.argv.slice(2));
