import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { buildImage, type BuiltImage } from "@darner/testkit";
import type { Helm } from "../test/kubernetes/helm.ts";
import type { DockerRegistry } from "./harness/docker-registry.ts";
import { run, until } from "./harness/shell.ts";
import { containerdReleases } from "./pods/containerd-releases.ts";
import { darnerImage } from "./pods/darner-image.ts";
import { snapshotOf } from "./pods/node-snapshot.ts";
import { PodCluster, type ClusterNode } from "./pods/pod-cluster.ts";

const CHART = fileURLToPath(new URL("../../../helm/darner", import.meta.url));
const NODES = 4;
// Images of each phase: a node pulls them one after the other, and again.
const ROUNDS = 8;
const MIB = 1024 * 1024;
// What the runtime itself writes.
const NOT_COMPARED = ["var/lib/containerd", "run/containerd", "tmp"];

let cluster: PodCluster;
let registry: DockerRegistry;
let helm: Helm;
let filesBefore: readonly string[][];
const scratch = mkdtempSync(join(tmpdir(), "darner-pods-image-"));

const images = new Map<string, BuiltImage>();
const nameOf = (tag: string): string => `${registry.name}/team/app:${tag}`;
const snapshots = (): string[][] => cluster.nodes.map(({ root }) => snapshotOf(root, NOT_COMPARED));

async function push(tag: string, sizes: readonly number[]): Promise<void> {
  const image = buildImage({
    layers: sizes.map((size, at) => ({ bytes: size * MIB, seed: `${tag}-${String(at)}`, format: "tar" as const })),
  });
  images.set(tag, image);
  await registry.push(image, "team/app", tag);
}

before(async () => {
  const releases = await containerdReleases();
  const runtimes = Array.from({ length: NODES }, (_, at) => releases[at % releases.length]).filter((one) => one !== undefined);
  cluster = await PodCluster.open({ tag: "pods", runtimes, image: darnerImage(scratch) });
  registry = cluster.registry;
  helm = await cluster.helm(4);
  console.log(`nodes: ${cluster.nodes.map(({ name, runtime }) => `${name} with containerd ${runtime.release.version}`).join(", ")}`);
  await push("v1", [30, 10, 2]);
  await push("small", [1]);
  for (let at = 0; at < ROUNDS; at += 1) for (const phase of ["roll", "go"]) await push(`${phase}-${String(at)}`, [12, 6]);
  filesBefore = snapshots();
});
after(async () => {
  await cluster[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

function values(): string[] {
  const config = `config.registries.${registry.name.replaceAll(".", "\\.")}.plainHttp=true`;
  return [
    "--namespace",
    "darner",
    "--set",
    config,
    "--set",
    "daemon.config.store.minFreeBytes=1GiB",
    "--set",
    "daemon.updateStrategy.rollingUpdate.maxUnavailable=50%",
    "--set",
    "nodeSetup.probe=true",
    "--wait",
    "--timeout",
    "200s",
  ];
}

/** Pulls images one after the other on every node until told to stop; how each ended. */
function pullOn(phase: string): { readonly stop: () => Promise<{ readonly pulled: number; readonly failed: string[] }> } {
  let isOver = false;
  const failed: string[] = [];
  let pulled = 0;
  const loops = cluster.nodes.map(async (node) => {
    for (let at = 0; (!isOver || at === 0) && failed.length === 0; at += 1) {
      const image = nameOf(`${phase}-${String(at % ROUNDS)}`);
      const outcome = await node.runtime.pull(image);
      if (outcome === "pulled") {
        pulled += 1;
        await node.runtime.remove(image);
      } else failed.push(`${node.name} ${image}: ${outcome}`);
    }
  });
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(loops);
      return { pulled, failed };
    },
  };
}

function node(at: number): ClusterNode {
  const found = cluster.nodes[at];
  assert.ok(found);
  return found;
}

/** A daemon is ready before it has found its scheduler: an absent one is a state. */
async function follows(namespace: string): Promise<true | undefined> {
  const { ok, stdout } = await run(["curl", "-sf", "-m", "5", "http://127.0.0.1:4104/api/v1/status"], { namespace });
  return ok && (JSON.parse(stdout) as { scheduler: string | null }).scheduler !== null ? true : undefined;
}

const hasLease = (one: ClusterNode): boolean => snapshotOf(one.root, NOT_COMPARED).some((line) => line.includes("_default/hosts.toml"));

test("helm install --wait: the scheduler, and on every node the daemon and node set-up, as the manifests say", async () => {
  const { ok, stderr } = await helm.run(["install", "darner", CHART, "--create-namespace", ...values()]);
  assert.ok(ok, `${stderr}\n${cluster.story()}`);
  assert.equal(cluster.pods.length, NODES + 1);
  await until("every node to be told of its mirror", () => (cluster.nodes.every(hasLease) ? true : undefined));
  assert.deepEqual(cluster.api.access.refusals, [], "every role allows what its pod does");
  for (const { host, name } of cluster.nodes)
    await until(`the daemon of ${name} to follow the scheduler`, () => follows(host.namespace), 60_000);
});

test("all nodes pull an image at once through it: one copy leaves the registry, nobody asks it past the mirror", async () => {
  registry.mark();
  const outcomes = await Promise.all(cluster.nodes.map(({ runtime }) => runtime.pull(nameOf("v1"))));
  assert.deepEqual(
    outcomes,
    cluster.nodes.map(() => "pulled"),
    cluster.story(),
  );
  const image = images.get("v1");
  assert.ok(image);
  const copies = registry.bodyBytes() / (image.index.size + image.totalBytes);
  console.log(
    `${String(NODES)} nodes: ${copies.toFixed(4)} copies left the registry, ${String(registry.fallbacks().length)} requests past the mirror`,
  );
  assert.deepEqual(registry.fallbacks(), []);
  assert.ok(copies <= 1.02);
});

test("a new configuration rolls out with pulls in flight, and none fails", async () => {
  registry.mark();
  const pulls = pullOn("roll");
  const { ok, stderr } = await helm.run(["upgrade", "darner", CHART, ...values(), "--set", "daemon.config.log.level=debug"]);
  const { pulled, failed } = await pulls.stop();
  assert.ok(ok, `${stderr}\n${cluster.story()}`);
  console.log(
    `roll-out: ${String(pulled)} pulls ended well, ${String(failed.length)} failed, ${String(registry.fallbacks().length)} requests past the mirror`,
  );
  assert.deepEqual(failed, []);
  assert.ok(pulled >= NODES);
});

test("a node whose daemon is killed for good pulls on from the registry within a second", async () => {
  const victim = node(NODES - 1);
  await until("the node to be told of its mirror after the roll-out", () => (hasLease(victim) ? true : undefined));
  await cluster.podOn(victim).killForGood();
  assert.ok(hasLease(victim), "its containerd is still told of the mirror");
  // Of three tries the best: what the machine is busy with is none of containerd's.
  const waits: number[] = [];
  for (let tries = 0; tries < 3; tries += 1) {
    registry.mark();
    const began = Date.now();
    assert.equal(await victim.runtime.pull(nameOf("small")), "pulled");
    const [first] = registry.fallbacks();
    assert.ok(first);
    waits.push(first.at - began);
    await victim.runtime.remove(nameOf("small"));
  }
  console.log(`killed daemon: containerd ${victim.runtime.release.version} asked the registry ${waits.join(", ")} ms after pulls began`);
  assert.ok(Math.min(...waits) < 1000);
  await cluster.replacePod(victim);
});

test("helm uninstall with pulls in flight: none fails, and every node's files are byte for byte what they were", async () => {
  registry.mark();
  const pulls = pullOn("go");
  await helm.must(["uninstall", "darner", "--namespace", "darner", "--wait", "--timeout", "200s"]);
  await cluster.empty();
  const { pulled, failed } = await pulls.stop();
  console.log(
    `uninstall: ${String(pulled)} pulls ended well, ${String(failed.length)} failed, ${String(registry.fallbacks().length)} requests past the mirror`,
  );
  assert.deepEqual(failed, []);
  const files = snapshots();
  for (const [at, after] of files.entries()) assert.deepEqual(after, filesBefore[at], `${node(at).name} has its files again`);
});
