import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { runCommandLine } from "../src/command-line.ts";

/** How a command line ended, and what it said. */
export type Ran = { readonly code: number; readonly out: string; readonly err: string };

/** The world a command line sees. */
export type World = {
  readonly env?: Readonly<Record<string, string>>;
  /** Whether standard error is a terminal. */
  readonly live?: boolean;
  readonly columns?: number;
  readonly signal?: AbortSignal;
};

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

/** Runs a command line in this process. */
export async function runHere(argv: readonly string[], world: World = {}): Promise<Ran> {
  const said = { out: "", err: "" };
  const terminal = {
    out: (text: string): void => void (said.out += text),
    err: (text: string): void => void (said.err += text),
    live: world.live ?? false,
    columns: world.columns ?? 80,
  };
  const code = await runCommandLine(argv, { env: world.env ?? {}, terminal, signal: world.signal ?? new AbortController().signal });
  return { code, ...said };
}

/** Runs a command line in a process of its own, as a shell would; `nodeFlags` go to Node. */
export function runProcess(argv: readonly string[], nodeFlags: readonly string[] = []): Promise<Ran> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("DARNER_") && !name.startsWith("NODE_")));
  const child = spawn(process.execPath, ["--conditions=source", ...nodeFlags, MAIN, ...argv], { stdio: ["ignore", "pipe", "pipe"], env });
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => void (said.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => void (said.err += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code: code ?? -1, ...said });
    });
  });
}

/** Runs a command line whose standard output nobody reads: the reader is gone before the first byte. */
export function runUnread(argv: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, ["--conditions=source", MAIN, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => void (err += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code: code ?? -1, out: "", err });
    });
  });
}
