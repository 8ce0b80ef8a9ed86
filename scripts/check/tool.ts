import { spawn } from "node:child_process";
import { join } from "node:path";

/** What a tool said, and how it ended. */
export type ToolRun = { readonly code: number; readonly output: string; readonly stdout: string };

// The longest step takes three minutes on two cores that nobody else uses, and three times as long on some machine. A tool that is not done
// by then hangs, and a hang must end as a failure with a name.
const STEP_TIMEOUT_MS = 20 * 60_000;

/** Runs a JavaScript tool of `root`'s node_modules (or a script of ours) on this Node, in `root`, and collects what it says. */
export async function runTool(root: string, script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ToolRun> {
  return runNode(root, [join(root, script), ...args], env);
}

/** Runs this Node with `args` in `root`. A tool that does not end in time is killed and counts as failed. */
export function runNode(root: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ToolRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, env: { ...cleanEnv(), ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let stdout = "";
    let timedOut = false;
    const timer = setTimeout(() => (timedOut = child.kill("SIGKILL")), STEP_TIMEOUT_MS);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      if (timedOut) output += `\nkilled: not done after ${String(STEP_TIMEOUT_MS / 60_000)} minutes\n`;
      resolve({ code: code ?? 1, output, stdout });
    });
  });
}

// A test run started from within a test run would believe to be a part of it; colours would get into what is parsed.
function cleanEnv(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _context, FORCE_COLOR: _colour, ...env } = process.env;
  return { ...env, NO_COLOR: "1" };
}
