// npm run test:ways [-- WORD…]: the ways to run Darner besides Kubernetes, each built and tried: bundle, package, units, image, compose, quadlet, release.
// With words, only the files whose name contains one of them. Ends with the line `N passed, N failed`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { globSync } from "node:fs";
import { runTests } from "./check/tests.ts";
import { bundle, PATH_INTERPRETER } from "./bundle/bundle.ts";

const root = join(import.meta.dirname, "..");

process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  const include = globSync("scripts/ways/*.ways.ts", { cwd: root }).filter((file) => words.every((word) => file.includes(word)));
  const folder = mkdtempSync(join(tmpdir(), "darner-ways-"));
  try {
    // Every test that needs a built Darner takes this one.
    await bundle({ root, out: join(folder, "bundle"), archs: [process.arch === "arm64" ? "arm64" : "x64"], interpreter: PATH_INTERPRETER });
    process.env["DARNER_E2E_BUNDLE"] = join(folder, "bundle", "main.js");
    const { passed, failed, problems, notes } = await runTests(root, { include, exclude: [] });
    for (const text of [problems, notes]) if (text !== "") process.stdout.write(`${text}\n`);
    process.stdout.write(`${String(passed)} passed, ${String(failed)} failed\n`);
    return failed === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
