import { hostname } from "node:os";
import { removeTaint, runtimeVersionOf, type ApiServerConfig } from "@darner/kubernetes";
import { Applier, holdLease, NodeFiles, planRuntime, type LeaseReport, type LeaseState, type ProbeOutcome } from "@darner/node-setup";
import { notifySupervisor, openLog, sleep, systemClock, type Logger } from "@darner/runtime";
import { DEFAULT_ADMIN } from "../admin-client.ts";
import { addressIn, readFlags } from "../arguments.ts";
import { UsageError, type CommandContext, type ExitCode } from "../command.ts";
import { apiServerOf, CLUSTER_OPTIONS, nodeIn, type ClusterValues } from "./cluster-flags.ts";
import { NodeEvents } from "./node-events.ts";
import { probeRuntime, reportTo } from "./node-probe.ts";
import { hintsOf, NODE_OPTIONS, runtimeIn, wishOf } from "./node-flags.ts";

const READY = "http://127.0.0.1:4105/readyz";
// The daemon is on this very host: an answer that takes longer is none.
const ANSWER_MS = 2000;
// The API server may be away for a while; pods wait for this.
const AGAIN_MS = 5000;

/** Runs `darner node-setup` until it is asked to end. */
export async function runNodeSetup({ argv, env, signal }: CommandContext): Promise<ExitCode> {
  const values = readFlags(argv, {
    ...NODE_OPTIONS,
    runtime: { type: "string", default: "containerd" },
    ready: { type: "string", default: READY },
    admin: { type: "string", default: env["DARNER_LISTEN_ADMIN"] ?? DEFAULT_ADMIN },
    "no-probe": { type: "boolean", default: false },
    "remove-taint": { type: "string" },
    events: { type: "boolean", default: false },
    ...CLUSTER_OPTIONS,
  });
  if (!URL.canParse(values.ready)) throw new UsageError(`--ready takes a URL, not "${values.ready}"`);
  const admin = addressIn(values.admin, "--admin");
  const runtime = runtimeIn(values.runtime);
  const wish = wishOf(values, env);
  const files = new NodeFiles(values.root);
  const { node } = values;
  const log = openLog({ level: "info", name: "darner-node-setup" }).child({ node: node ?? hostname() });
  const api = apiServerOf(values, env);
  // Without the cluster's word the files alone say where containerd looks.
  const versionOf = (): Promise<string | undefined> =>
    node === undefined ? Promise.resolve(undefined) : runtimeVersionOf(api, node).catch(() => undefined);
  const deps = {
    log,
    timers: systemClock,
    isReady: (leaving: AbortSignal) => isReady(values.ready, leaving),
    plan: async () => planRuntime(files, runtime, wish, runtime === "containerd" ? await hintsOf(values, files, versionOf) : {}),
    applier: new Applier(files, values["state-dir"], runtime),
  };
  // Runtimes that are told of each registry by name would ask for the probe's at that registry.
  const probe = async (leaving: AbortSignal): Promise<ProbeOutcome> => (await probeRuntime(values, admin, leaving)) ?? "unreachable";
  const proof = runtime === "containerd" && !values["no-probe"] ? { probe } : {};
  const told = values.events ? new NodeEvents({ api, node: nodeIn(values, "--events"), log, today: () => new Date() }) : undefined;
  const onReport = (report: LeaseReport): void => {
    void reportTo(admin, report);
    told?.take(report);
  };
  const taint = taintOf({ values, api, log, signal });
  void notifySupervisor("ready", { env, log });
  const { left } = await holdLease({ ...deps, ...proof, onReport, onState: taint.onState }, signal);
  await Promise.all([taint.settled(), told?.settled()]);
  return left.length > 0 ? 1 : 0;
}

type TaintParts = {
  readonly values: ClusterValues & { readonly "remove-taint"?: string | undefined };
  readonly api: ApiServerConfig;
  readonly log: Logger;
  readonly signal: AbortSignal;
};

/** Lets pods onto a new node: when its runtime knows the mirror, and also when it is known that it never will. */
function taintOf({ values, api, log, signal }: TaintParts): {
  readonly onState: (state: LeaseState) => void;
  readonly settled: () => Promise<void>;
} {
  const key = values["remove-taint"];
  const node = key === undefined ? "" : nodeIn(values, "--remove-taint");
  let removing: Promise<void> | undefined;
  const remove = async (taint: string): Promise<void> => {
    while (!signal.aborted) {
      try {
        if (await removeTaint(api, node, taint)) log.info("pods may come to this node now", { node, taint });
        return;
      } catch (error) {
        log.warn("taint cannot be taken from the node yet", { node, taint, error });
      }
      await sleep(AGAIN_MS, signal).catch(() => undefined);
    }
  };
  return {
    onState: (state) => {
      if (key !== undefined && state !== "waiting") removing ??= remove(key);
    },
    settled: () => removing ?? Promise.resolve(),
  };
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
