import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildImage, type BuiltImage } from "@darner/testkit";
import { Containerd } from "./containerd.ts";
import { LocalCluster } from "./local-cluster.ts";
import type { LocalNode } from "./local-nodes.ts";
import type { Outcome } from "./shell.ts";

/** One node and its registry; the daemon knows the socket of its containerd, or does not. */
export type SocketNode = AsyncDisposable & LocalNode & { readonly cluster: LocalCluster };

/** A pull that met a wrong byte and failed, and the next one, of a registry that is right again. */
export type HealedPull = { readonly image: BuiltImage; readonly name: string; readonly next: Outcome; readonly aborted: number };

const LAYER_BYTES = 6 * 1024 * 1024;
const PIECE_BYTES = 256 * 1024;
// The layer is read in runs of pieces: whichever comes first has a wrong byte.
const WRONG_AT = Array.from({ length: LAYER_BYTES / PIECE_BYTES }, (_, piece) => piece * PIECE_BYTES + 1000);
// The lease of a failed pull is gone, so containerd's garbage collector takes the ingest if it happens to run before the next pull: here it never does.
const NEVER_COLLECT = [
  '[plugins."io.containerd.gc.v1.scheduler"]',
  "  mutation_threshold = 0",
  "  deletion_threshold = 0",
  '  startup_delay = "24h"',
];

/** Opens a node. */
export async function openSocketNode(knowsSocket: boolean): Promise<SocketNode> {
  await using births = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), "darner-ingest-"));
  births.defer(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  const config = knowsSocket ? { containerd: { address: join(dir, "containerd.sock"), namespaces: ["k8s.io", "test"] } } : {};
  const cluster = births.use(await LocalCluster.open({ daemons: 1, config }));
  const [daemon] = cluster.daemons;
  assert.ok(daemon !== undefined);
  const containerd = births.use(await Containerd.open(undefined, dir, daemon.addresses.mirror, NEVER_COLLECT));
  const lives = births.move();
  return { name: "the node", cluster, daemon, containerd, [Symbol.asyncDispose]: () => lives.disposeAsync() };
}

/** Pulls while each piece of a layer is sent with a wrong byte (the first `times`), then once more after the registry was healed. */
export async function pullAroundHealing({ cluster: { registry }, daemon, containerd }: SocketNode, times: number): Promise<HealedPull> {
  const image = buildImage({ layers: [{ bytes: LAYER_BYTES, seed: "poisoned" }] });
  registry.content.push("poisoned/image", image, "v1");
  const name = `${registry.host}/poisoned/image:v1`;
  const when = { kind: "blob", method: "GET", path: image.layers[0]?.digest ?? "" } as const;
  const faults = WRONG_AT.map((offset) => registry.fault({ when, times, do: { kind: "corrupt", offset } }));
  const met = await containerd.fetch(name);
  assert.ok(!met.ok && faults.some(({ struck }) => struck > 0), "a blob with a wrong byte is no success");
  for (const fault of faults) fault.remove();
  const next = await containerd.fetch(name);
  const metrics = await (await fetch(`http://${daemon.addresses.metrics}/metrics`)).text();
  const aborted = Number(/^darner_daemon_ingests_aborted_total (\d+)$/m.exec(metrics)?.[1]);
  console.log(`the next pull ${next.ok ? "ended well" : `failed: ${next.stderr.trim()}`}; ${String(aborted)} ingests were aborted`);
  return { image, name, next, aborted };
}
