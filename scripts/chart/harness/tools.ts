import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { helmBinary, type HelmMajor } from "@darner/testkit";

const run = promisify(execFile);

// Packages that only the chart's checks need, with a lock file of their own.
const LIST = join(import.meta.dirname, "../tools");

/** Where they are installed; no part of the sources. */
export const TOOLS: string = join(import.meta.dirname, "../../../.tmp/chart-tools");

/** Resolves what is installed there. */
export const toolRequire: NodeJS.Require = createRequire(join(TOOLS, "package.json"));

// Where fetched programs are kept, for all that need them; no part of the sources.
const CACHE = join(import.meta.dirname, "../../../.tmp/helm");

/** What a program said. */
export type Said = { readonly code: number; readonly out: string; readonly err: string };

/** Installs the tools where they are not, and fetches both majors of Helm. */
export async function installTools(): Promise<void> {
  mkdirSync(CACHE, { recursive: true });
  for (const major of [3, 4] as const) await helmBinary(major, CACHE);
  const stamp = join(TOOLS, "node_modules/.stamp");
  const lock = readFileSync(join(LIST, "package-lock.json"), "utf8");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  mkdirSync(TOOLS, { recursive: true });
  for (const name of ["package.json", "package-lock.json", ".npmrc"]) copyFileSync(join(LIST, name), join(TOOLS, name));
  await run("npm", ["ci", "--no-audit", "--no-fund", "--prefer-offline"], { cwd: TOOLS, maxBuffer: 16 * 1024 * 1024 });
  writeFileSync(stamp, lock);
}

/** Runs Helm. Never rejects: a failure is an answer. */
export async function helm(major: HelmMajor, ...args: readonly string[]): Promise<Said> {
  return said(join(CACHE, `helm-${String(major)}`), args);
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
