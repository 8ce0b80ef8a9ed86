import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DaemonStatus } from "@darner/daemon";
import { buildImage, openScriptedRegistry, type BuiltImage, type ScriptedRegistry } from "@darner/testkit";
import { DarnerProcess } from "./darner-process.ts";

/** Bytes by where they came from, and those given to others. */
export type NodeBytes = DaemonStatus["bytes"];

/** A daemon of the demo, as others see it: two addresses. */
export type DemoNode = { readonly name: string; readonly mirror: string; readonly admin: string };

/** A registry in this process, a scheduler and four daemons in processes of their own, all on loopback, all their data in one temporary directory. */
export type DemoCluster = AsyncDisposable & {
  readonly registry: ScriptedRegistry;
  readonly scheduler: string;
  readonly nodes: readonly DemoNode[];
  readonly image: BuiltImage;
  /** What one copy of the image is: index, manifest, config and layers. */
  readonly imageBytes: number;
  readonly imageName: string;
};

const MIB = 1024 * 1024;
const LAYERS_MIB = [20, 14, 9, 5];
const NODES = ["n1", "n2", "n3", "n4"];
const REPOSITORY = "demo/app";
const LOOPBACK = "127.0.0.1:0";
// Slow enough that a pull of 48 MiB can be watched: each request gets what a busy registry gives.
export const REGISTRY_BYTES_PER_SECOND = MIB / 2;
// How often a daemon is asked whether it found its scheduler.
const LOOK_MS = 50;

/** Opens everything; rejects, with everything closed again, where a process does not start or `signal` aborts. */
export async function openDemoCluster(signal: AbortSignal): Promise<DemoCluster> {
  await using births = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), "darner-demo-"));
  births.defer(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  const registry = births.use(await openScriptedRegistry());
  const image = buildImage({ layers: LAYERS_MIB.map((mib, index) => ({ bytes: mib * MIB, seed: `demo ${String(index)}` })) });
  registry.content.push(REPOSITORY, image, "v1");
  registry.fault({ when: { kind: "blob", method: "GET" }, do: { kind: "slow", bytesPerSecond: REGISTRY_BYTES_PER_SECOND } });
  const over = untilAborted(signal);
  const scheduler = births.use(
    new DarnerProcess("scheduler", "scheduler", dir, { listen: { grpc: LOOPBACK, http: LOOPBACK }, join: { insecure: true } }),
  );
  const { grpc = "" } = await Promise.race([scheduler.ready(), over]);
  const daemons = NODES.map(
    (name) => [name, births.use(new DarnerProcess("daemon", name, dir, daemonConfig(name, grpc, registry.host)))] as const,
  );
  const nodes = await Promise.race([Promise.all(daemons.map(([name, daemon]) => nodeOf(name, daemon, signal))), over]);
  const lives = births.move();
  return {
    registry,
    scheduler: grpc,
    nodes,
    image,
    imageBytes: image.index.size + image.totalBytes,
    imageName: `${registry.host}/${REPOSITORY}:v1`,
    [Symbol.asyncDispose]: () => lives.disposeAsync(),
  };
}

/** What the daemon of a node says of itself. */
export async function statusOf({ admin }: DemoNode, signal: AbortSignal): Promise<DaemonStatus> {
  const response = await fetch(`http://${admin}/api/v1/status`, { signal });
  return (await response.json()) as DaemonStatus;
}

async function nodeOf(name: string, daemon: DarnerProcess, signal: AbortSignal): Promise<DemoNode> {
  const { mirror = "", admin = "" } = await daemon.ready();
  const node = { name, mirror, admin };
  while ((await statusOf(node, signal)).scheduler === null) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  return node;
}

function daemonConfig(name: string, scheduler: string, registry: string): Readonly<Record<string, unknown>> {
  return {
    name,
    listen: { mirror: LOOPBACK, pieces: LOOPBACK, p2p: LOOPBACK, admin: LOOPBACK, metrics: LOOPBACK },
    schedulers: [scheduler],
    advertise: "127.0.0.1",
    join: { insecure: true },
    registries: { [registry]: { plainHttp: true } },
    store: { minFreeBytes: "256MiB" },
  };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => {
      reject(signal.reason as Error);
    });
  });
  aborted.catch(() => undefined);
  return aborted;
}
