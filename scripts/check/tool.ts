import { spawn } from "node:child_process";
import { join } from "node:path";

/** What a tool said, and how it ended. */
export type ToolRun = { readonly code: number; readonly output: string; readonly stdout: string };

// The longest step takes three minutes on two cores that nobody else uses, and three times as long on some machine. A tool that is not done
// by then hangs, and a hang must end as a failure with a name.
const STEP_TIMEOUT_MS = 20 * 60_000;
// A test runner that is asked to end says first which tests were running.
const END_MS = 10_000;

/** Runs a JavaScript tool of `root`'s node_modules (or a script of ours) on this Node, in `root`, and collects what it says. */
export async function runTool(root: string, script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ToolRun> {
  return runNode(root, [join(root, script), ...args], env);
}

/** Runs this Node with `args` in `root`. A tool that does not end in time, or is silent for longer than `silentMs`, is ended and counts as failed. */
export function runNode(
  root: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  silentMs: number = STEP_TIMEOUT_MS,
): Promise<ToolRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, env: { ...cleanEnv(), ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let stdout = "";
    let why: string | undefined;
    const end = (reason: string): void => {
      why ??= reason;
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), END_MS).unref();
    };
    const whole = setTimeout(() => end(`not done after ${String(STEP_TIMEOUT_MS)} ms`), STEP_TIMEOUT_MS);
    const silence = setTimeout(() => end(`not a word for ${String(silentMs)} ms`), silentMs);
    const hear = (text: string): void => {
      output += text;
      silence.refresh();
    };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      hear(text);
    });
    child.stderr.setEncoding("utf8").on("data", hear);
    child.once("error", reject);
    child.once("close", (code, signal) => {
      for (const timer of [whole, silence]) clearTimeout(timer);
      if (why !== undefined) output += `\nended from outside: ${why}\n`;
      else if (signal !== null) output += `\nended by ${signal}\n`;
      resolve({ code: code ?? 1, output, stdout });
    });
  });
}

// A test run started from within a test run would believe to be a part of it; colours would get into what is parsed.
function cleanEnv(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _context, FORCE_COLOR: _colour, ...env } = process.env;
  return { ...env, NO_COLOR: "1" };
}
