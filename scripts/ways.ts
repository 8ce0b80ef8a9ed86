// npm run test:ways [-- WORD…]: the ways to run Darner besides Kubernetes, each built and tried: bundle, package, units, image, compose, quadlet, release.
// With words, only the files whose name contains all of them. Ends with the line `N passed, N failed`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runSuite } from "./check/run-suite.ts";
import { bundle, PATH_INTERPRETER } from "./bundle/bundle.ts";
import { THIS_ARCH } from "./bundle/native-addons.ts";

const root = join(import.meta.dirname, "..");

process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  // Users other than this one look at what is tried, whatever this one keeps to itself.
  process.umask(0o022);
  const folder = mkdtempSync(join(tmpdir(), "darner-ways-"));
  try {
    // Every test that needs a built Darner takes this one.
    await bundle({ root, out: join(folder, "bundle"), archs: [THIS_ARCH], interpreter: PATH_INTERPRETER });
    process.env["DARNER_E2E_BUNDLE"] = join(folder, "bundle", "main.js");
    return await runSuite(root, "scripts/ways/*.ways.ts", words);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
