import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { missingTools } from "./harness/tools.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** Runs the files of the suite one after the other and closes with the plain line. */
async function main(): Promise<void> {
  const missing = missingTools();
  if (missing !== undefined) {
    console.log(`end-to-end suite skipped: ${missing}`);
    console.log("0 passed, 0 failed, 1 skipped");
    return;
  }
  const chosen = process.argv.slice(2);
  const files = readdirSync(HERE).filter((name) => name.endsWith(".e2e.ts") && (chosen.length === 0 || chosen.some((word) => name.includes(word))));
  const { passed, failed } = await runFiles(files.toSorted());
  console.log(`${String(passed)} passed, ${String(failed)} failed`);
  if (failed > 0 || passed === 0) process.exitCode = 1;
}

async function runFiles(files: readonly string[]): Promise<{ passed: number; failed: number }> {
  const args = ["--conditions=source", "--test", "--test-concurrency=1", "--test-reporter=spec", ...files.map((file) => `${HERE}${file}`)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const totals = { passed: 0, failed: 0 };
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    process.stdout.write(chunk);
    output += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  totals.passed = totalIn(output, "pass");
  totals.failed = totalIn(output, "fail") + totalIn(output, "cancelled");
  if (code !== 0 && totals.failed === 0) totals.failed = 1;
  return totals;
}

function totalIn(output: string, word: string): number {
  return Number(new RegExp(`^ℹ ${word} ([0-9]+)$`, "m").exec(output)?.[1] ?? 0);
}

await main();
