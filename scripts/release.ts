// npm run release [-- --out DIR] [--only PART…] [--arch x64|arm64|both] [--quick]: everything that a version is given out as, with its checksums. The time in all of it is
// SOURCE_DATE_EPOCH, else that of the last commit: made twice from the same tree it is the same to the last byte.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ARCHS, THIS_ARCH } from "./bundle/native-addons.ts";
import { writeChecksums } from "./release/checksums.ts";
import { makeParts, PARTS, type PartName } from "./release/parts.ts";

const root = join(import.meta.dirname, "..");

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      out: { type: "string", default: join(root, "dist", "release") },
      only: { type: "string", multiple: true, default: [...PARTS] },
      arch: { type: "string", default: THIS_ARCH },
      quick: { type: "boolean", default: false },
    },
  });
  const unknown = values.only.find((name) => !(PARTS as readonly string[]).includes(name));
  if (unknown !== undefined) {
    process.stderr.write(`there is no part "${unknown}": ${PARTS.join(", ")}\n`);
    return 2;
  }
  const archs = ARCHS[values.arch];
  if (archs === undefined) {
    process.stderr.write(`--arch takes ${Object.keys(ARCHS).join(", ")}, not "${values.arch}"\n`);
    return 2;
  }
  rmSync(values.out, { recursive: true, force: true });
  mkdirSync(values.out, { recursive: true });
  const work = mkdtempSync(join(tmpdir(), "darner-release-"));
  try {
    const plan = {
      root,
      work,
      out: values.out,
      epoch: epochOf(),
      revision: git("rev-parse", "HEAD") || "unknown",
      archs,
      isQuick: values.quick,
    };
    for await (const line of makeParts(values.only as PartName[], plan)) process.stdout.write(`${line}\n`);
    process.stdout.write(writeChecksums(values.out));
    return 0;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function epochOf(): number {
  const given = Number(process.env["SOURCE_DATE_EPOCH"] ?? git("log", "-1", "--format=%ct"));
  // A tree without git and without the variable: the same for everybody, and later than what zip files can hold at the least.
  return Number.isSafeInteger(given) && given > 0 ? given : 1_700_000_000;
}

/** What git says, or nothing where there is no git. */
function git(...words: string[]): string {
  try {
    return execFileSync("git", ["-C", root, ...words], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}
