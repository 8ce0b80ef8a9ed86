import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

// A listing of a content store with its logs is far below this.
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** How a short command ended. */
export type Outcome = { readonly ok: boolean; readonly stdout: string; readonly stderr: string };

/** Runs a short command to its end. */
export async function run(
  command: readonly string[],
  { namespace, timeoutMs = 60_000 }: { namespace?: string; timeoutMs?: number } = {},
): Promise<Outcome> {
  const [file = "", ...args] = namespace === undefined ? command : ["ip", "netns", "exec", namespace, ...command];
  try {
    const { stdout, stderr } = await execute(file, args, { timeout: timeoutMs, maxBuffer: MAX_OUTPUT_BYTES });
    return { ok: true, stdout, stderr };
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    return { ok: false, stdout, stderr: stderr === "" ? String(error) : stderr };
  }
}

/** Runs a command that must succeed. */
export async function must(command: readonly string[], options: { namespace?: string; timeoutMs?: number } = {}): Promise<string> {
  const outcome = await run(command, options);
  if (!outcome.ok) throw new Error(`${command.join(" ")}: ${outcome.stderr}`);
  return outcome.stdout;
}

/** Asks again and again until the answer is there; a bounded number of times, then it throws what was waited for. */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined, timeoutMs = UNTIL_MS): Promise<T> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > giveUpAt) throw new Error(`waited ${String(timeoutMs)} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}

// Longer than anything takes that comes at all, on two cores that other suites use as well.
const UNTIL_MS = 60_000;
// Between two looks at a process of somebody else, which tells nobody when it is ready.
const ASK_AGAIN_MS = 50;
