// npm run build [-- --out DIR] [--arch x64|arm64|both] [--interpreter WORDS] [--addons NODE_MODULES]: the darner command as one folder that plain Node 24 runs.
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { billOfMaterials } from "./bundle/bill-of-materials.ts";
import { bundle, PATH_INTERPRETER } from "./bundle/bundle.ts";
import { ARCHS } from "./bundle/native-addons.ts";

const root = join(import.meta.dirname, "..");

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      out: { type: "string", default: join(root, "dist", "darner") },
      arch: { type: "string", default: process.arch },
      interpreter: { type: "string", default: PATH_INTERPRETER },
      addons: { type: "string", default: join(root, "node_modules") },
    },
  });
  const archs = ARCHS[values.arch];
  if (archs === undefined) {
    process.stderr.write(`--arch takes x64, arm64 or both, not "${values.arch}"\n`);
    return 2;
  }
  const { out } = await bundle({ root, out: values.out, archs, interpreter: values.interpreter, nodeModules: values.addons });
  writeFileSync(join(out, "sbom.cdx.json"), billOfMaterials(root));
  const bytes = readdirSync(out, { recursive: true, encoding: "utf8" }).reduce((sum, name) => sum + statSync(join(out, name)).size, 0);
  process.stdout.write(
    `${relative(process.cwd(), out)}: ${(bytes / 1e6).toFixed(1)} MB; node ${relative(process.cwd(), join(out, "main.js"))} --help\n`,
  );
  return 0;
}
