import { once } from "node:events";
import { objectName, progressOf, type ApiServerConfig, type ObjectName, type Progress } from "@darner/kubernetes";
import { sleep } from "@darner/runtime";
import { readFlags } from "../arguments.ts";
import { UsageError, type CommandContext, type ExitCode, type Terminal } from "../command.ts";
import { apiServerOf, CLUSTER_OPTIONS } from "./cluster-flags.ts";

const LOOK_MS = 1000;
// A node's own process, and the one of the command line, end at the signal; the timer keeps the process alive until then.
const FOR_EVER_MS = 2 ** 31 - 1;

/** Runs `darner pre-pull`. */
export async function runPrePull({ argv, env, terminal, signal }: CommandContext): Promise<ExitCode> {
  const values = readFlags(argv, { ...CLUSTER_OPTIONS, "wait-for": { type: "string" }, timeout: { type: "string", default: "300" } });
  const waitFor = values["wait-for"];
  if (waitFor === undefined) return hold(signal);
  if (!/^[a-z0-9-]+\/[a-z0-9.-]+$/.test(waitFor)) throw new UsageError(`--wait-for takes NAMESPACE/DAEMONSET, not "${waitFor}"`);
  if (!/^[0-9]{1,6}$/.test(values.timeout)) throw new UsageError(`--timeout takes a number of seconds, not "${values.timeout}"`);
  await waitUntilReady(apiServerOf(values, env), objectName(waitFor), Number(values.timeout) * 1000, { terminal, signal });
  return 0;
}

async function hold(signal: AbortSignal): Promise<ExitCode> {
  const alive = setInterval(() => {}, FOR_EVER_MS);
  if (!signal.aborted) await once(signal, "abort");
  clearInterval(alive);
  return 0;
}

type Waiting = { readonly terminal: Terminal; readonly signal: AbortSignal };

async function waitUntilReady(api: ApiServerConfig, set: ObjectName, ms: number, { terminal, signal }: Waiting): Promise<void> {
  const until = performance.now() + ms;
  let told = "";
  for (;;) {
    const now = await progressOf(api, set).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
    const text = typeof now === "string" ? now : progressText(now);
    if (text !== told) terminal.err(`${text}\n`);
    told = text;
    if (typeof now === "object" && now.ready >= now.desired) return;
    if (performance.now() >= until) {
      terminal.err("darner: not every node is done in time; the others do it when it is their turn\n");
      return;
    }
    await sleep(LOOK_MS, signal).catch(() => undefined);
    if (signal.aborted) return;
  }
}

function progressText(progress: Progress | undefined): string {
  return progress === undefined
    ? "nobody has looked at the daemon set yet"
    : `${String(progress.ready)} of ${String(progress.desired)} nodes are done`;
}
