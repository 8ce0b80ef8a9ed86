import { Applier, holdLease, NodeFiles, planRuntime } from "@darner/node-setup";
import { openLog, systemClock } from "@darner/runtime";
import { readFlags } from "../arguments.ts";
import { UsageError, type CommandContext, type ExitCode } from "../command.ts";
import { hintsOf, NODE_OPTIONS, runtimeIn, wishOf } from "./node-flags.ts";

const READY = "http://127.0.0.1:4105/readyz";
// The daemon is on this very host: an answer that takes longer is none.
const ANSWER_MS = 2000;

/** Runs `darner node-setup` until it is asked to end. */
export async function runNodeSetup({ argv, env, signal }: CommandContext): Promise<ExitCode> {
  const values = readFlags(argv, {
    ...NODE_OPTIONS,
    runtime: { type: "string", default: "containerd" },
    ready: { type: "string", default: READY },
  });
  if (!URL.canParse(values.ready)) throw new UsageError(`--ready takes a URL, not "${values.ready}"`);
  const runtime = runtimeIn(values.runtime);
  const wish = wishOf(values, env);
  const files = new NodeFiles(values.root);
  const log = openLog({ level: "info", name: "darner-node-setup" });
  const deps = {
    log,
    timers: systemClock,
    isReady: (leaving: AbortSignal) => isReady(values.ready, leaving),
    plan: async () => planRuntime(files, runtime, wish, runtime === "containerd" ? await hintsOf(values, files) : {}),
    applier: new Applier(files, values["state-dir"], runtime),
  };
  const { left } = await holdLease(deps, signal);
  return left.length > 0 ? 1 : 0;
}

async function isReady(url: string, leaving: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([leaving, AbortSignal.timeout(ANSWER_MS)]) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
