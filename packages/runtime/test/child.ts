import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A child process of a test: killed, if it still lives, when it is disposed. */
export type Child = AsyncDisposable & {
  readonly process: ChildProcess;
  /** Resolves when the child has written `text` to its standard output. */
  said(text: string): Promise<void>;
  /** What the child has written to its standard output so far. */
  outcome(): string;
  /** Resolves when the child has ended and all it wrote has arrived. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }>;
};

/** Runs a TypeScript file beside this one. */
export function startChild(file: string, ...args: string[]): Child {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, ["--conditions=source", path, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  const ended = once(child, "close").then(([code, signal]) => {
    return { code: code as number | null, signal: signal as NodeJS.Signals | null, ...output };
  });
  const said = async (text: string): Promise<void> => {
    while (!output.stdout.includes(text)) {
      const over = await Promise.race([once(child.stdout, "data").then(() => false), ended.then(() => true)]);
      if (over && !output.stdout.includes(text)) throw new Error(`ended without saying ${text}: ${output.stderr}`);
    }
  };
  const dispose = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  return { process: child, said, outcome: () => output.stdout, ended, [Symbol.asyncDispose]: dispose };
}
