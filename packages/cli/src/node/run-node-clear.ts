import { rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sleep } from "@darner/runtime";
import { readArguments } from "../arguments.ts";
import { UsageError, type CommandContext, type ExitCode, type Terminal } from "../command.ts";

const LIVES = "http://127.0.0.1:4105/livez";
// A daemon that ends lets containerd finish for a minute.
const PATIENCE_MS = 90_000;
const LOOK_MS = 500;
const ANSWER_MS = 1000;

/** Runs `darner node-clear`. */
export async function runNodeClear({ argv, terminal, signal }: CommandContext): Promise<ExitCode> {
  const options = { gone: { type: "string", default: LIVES }, root: { type: "string", default: "/" } } as const;
  const { values, positionals: directories } = readArguments(argv, options);
  if (!URL.canParse(values.gone)) throw new UsageError(`--gone takes a URL, not "${values.gone}"`);
  // Never the node's own top: what a daemon keeps lies at least three deep (/var/lib/darner).
  const wrong = directories.find((path) => !/^(?:\/[^/]+){3,}$/.test(path) || path.includes("/../"));
  if (directories.length === 0 || wrong !== undefined)
    throw new UsageError(`name the directories to remove, as in /var/lib/darner/daemon, not "${wrong ?? ""}"`);
  const until = performance.now() + PATIENCE_MS;
  while ((await lives(values.gone, signal)) && performance.now() < until) await sleep(LOOK_MS, signal);
  const cleared = await Promise.all(directories.map((path) => clear(values.root, path, terminal)));
  return cleared.includes(false) ? 1 : 0;
}

async function lives(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]) });
    await response.arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

async function clear(root: string, path: string, terminal: Terminal): Promise<boolean> {
  try {
    await rm(join(root, path), { recursive: true, force: true, maxRetries: 3 });
    terminal.out(`removed ${path}\n`);
  } catch (error) {
    terminal.err(`darner: ${path} cannot be removed: ${error instanceof Error ? error.message : String(error)}\n`);
    return false;
  }
  // The folder of the daemon and of node set-up goes with the last of both; one that holds something is somebody's.
  await rmdir(join(root, dirname(path))).catch(() => undefined);
  return true;
}
