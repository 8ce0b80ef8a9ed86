import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { buildImage, type BuiltImage } from "@darner/testkit";
import type { Helm } from "../../test/kubernetes/helm.ts";
import { fieldsOf, textOf } from "../../test/kubernetes/object.ts";
import type { DockerRegistry } from "../harness/docker-registry.ts";
import { run, until } from "../harness/shell.ts";
import { containerdReleases } from "../pods/containerd-releases.ts";
import { HARBOR_ADMIN, HarborHost } from "../pods/harbor-host.ts";
import { darnerImage } from "../pods/darner-image.ts";
import { kind } from "../pods/controllers.ts";
import { snapshotOf } from "../pods/node-snapshot.ts";
import { PodCluster, type ClusterNode, type EndedPod } from "../pods/pod-cluster.ts";

const CHART = fileURLToPath(new URL("../../../../helm/darner", import.meta.url));
const NODES = 4;
// Images of each phase: a node pulls them one after the other, and again.
const ROUNDS = 8;
const MIB = 1024 * 1024;
// What two dozen processes that start on two busy cores may take.
const PATIENCE_MS = 120_000;
// A file that somebody broke on the second node, long before.
const BROKEN = "etc/containerd/certs.d/broken.corp/hosts.toml";
// What the runtime itself writes.
const NOT_COMPARED = ["var/lib/containerd", "run/containerd", "tmp"];

let cluster: PodCluster;
let registry: DockerRegistry;
let helm: Helm;
let harbor: HarborHost;
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
  harbor = await HarborHost.open(await cluster.network.add("harbor"), scratch, cluster.hostsFile);
  const broken = join(node(1).root, BROKEN);
  mkdirSync(dirname(broken), { recursive: true });
  writeFileSync(broken, "server = \n");
  console.log(`nodes: ${cluster.nodes.map(({ name, runtime }) => `${name} with containerd ${runtime.release.version}`).join(", ")}`);
  await push("v1", [30, 10, 2]);
  await push("small", [1]);
  await push("warm", [5, 1]);
  for (let at = 0; at < ROUNDS; at += 1) for (const phase of ["roll", "go"]) await push(`${phase}-${String(at)}`, [12, 6]);
  filesBefore = snapshots();
});
after(async () => {
  await harbor[Symbol.asyncDispose]();
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
    "--set",
    `harbor.register.enabled=true,harbor.register.url=${harbor.url},harbor.register.existingSecret=harbor-admin`,
    "--set",
    `tests.minHosts=${String(NODES)}`,
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

const hasLease = (one: ClusterNode): boolean => existsSync(join(one.root, "etc/containerd/certs.d/_default/hosts.toml"));

/** Waits until a node's containerd is told of the mirror. */
async function told(one: ClusterNode): Promise<void> {
  await until(`${one.name} to be told of its mirror`, () => (hasLease(one) ? true : undefined), PATIENCE_MS);
}

/** The pods of a hook that are gone, by what their names hold. */
function hookPods(name: string): readonly EndedPod[] {
  return cluster.ended.filter((pod) => pod.name.includes(name));
}

test("helm install --wait: the scheduler, and on every node the daemon and node set-up, as the manifests say", async () => {
  const install = ["install", "darner", CHART, "--create-namespace", ...values()];
  const data = Object.fromEntries(Object.entries(HARBOR_ADMIN).map(([key, value]) => [key, Buffer.from(value).toString("base64")]));
  cluster.api.store.create(kind("Namespace"), { apiVersion: "v1", kind: "Namespace", metadata: { name: "darner" } });
  const early = await helm.run(install);
  assert.match(
    early.stderr,
    /there is no secret harbor-admin in the namespace darner \(harbor\.register\.existingSecret\): create it first/,
  );
  cluster.api.store.create(kind("Secret"), {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "harbor-admin", namespace: "darner" },
    data,
  });
  const { ok, stderr } = await helm.run(install);
  assert.ok(ok, `${stderr}\n${cluster.story()}`);
  await Promise.all(cluster.nodes.map(told));
  await until("the job's pod to be gone", () => (cluster.pods.length === NODES + 1 ? true : undefined), PATIENCE_MS);
  assert.deepEqual(cluster.api.access.refusals, [], "every role allows what its pod does");
  for (const { host, name } of cluster.nodes)
    await until(`the daemon of ${name} to follow the scheduler`, () => follows(host.namespace), PATIENCE_MS);
});

test("a file that somebody broke on a node is named with the next step, in the node's log and in an event of the node; others are told", async () => {
  const { name } = node(1);
  const event = await until(
    "the event of the node",
    () => cluster.api.store.named("Event").find((one) => fieldsOf(one["involvedObject"])["name"] === name),
    PATIENCE_MS,
  );
  assert.equal(event["type"], "Warning");
  assert.match(textOf(event["message"]), new RegExp(`^node ${name}: /${BROKEN}: it is no TOML: line 1, .* mend it`));
  assert.match(
    cluster.podOn(node(1)).container("node-setup").log,
    new RegExp(`"node":"${name}".*broken\\.corp/hosts\\.toml: it is no TOML`),
  );
  assert.equal(cluster.api.store.named("Event").length, 1, "and of no other node");
});

test("darner doctor in a daemon's pod finds nothing wrong: configuration, scheduler, clocks, packets of full size, certificates", async () => {
  const command = ["/opt/bin/darner", "doctor", "--no-node", "--json"];
  const { ok, stdout, stderr } = await cluster.podOn(node(0)).container("daemon").execute(command);
  const { items } = JSON.parse(stdout) as { items: readonly { id: string; severity: string }[] };
  assert.deepEqual(
    items.filter(({ severity }) => severity !== "ok"),
    [],
    stderr,
  );
  for (const id of ["config.valid", "certificates.expiry", "scheduler.followed", "clock.skew", "network.mtu"])
    assert.ok(
      items.some((item) => item.id === id),
      id,
    );
  assert.ok(ok);
});

test("helm test: its pod asks the API with the token of the secret, and every host has joined", async () => {
  const said = await helm.must(["test", "darner", "--namespace", "darner", "--timeout", "200s"]);
  assert.match(said, /Phase:\s+Succeeded/);
});

test("the job registered Darner in Harbor, and what Harbor preheats there is on every node before anybody pulls it", async () => {
  const [job] = hookPods("harbor-register");
  assert.match(job?.logs ?? "", /darner is a preheat provider of http:\S+ now, at http:\/\/darner-api\.darner\.svc:4111/);
  const image = images.get("warm");
  assert.ok(image);
  registry.mark();
  const { status, log } = await harbor.preheat({
    url: `http://${registry.name}/v2/team/app/manifests/warm`,
    imageName: "team/app",
    tag: "warm",
    digest: image.index.digest,
    headers: {},
    extraAttrs: { scope: "all_peers" },
  });
  assert.equal(status, "Success", log.join("\n"));
  const before = registry.requests().filter(({ path }) => path.includes("/blobs/")).length;
  const outcomes = await Promise.all(cluster.nodes.map(({ runtime }) => runtime.pull(nameOf("warm"))));
  assert.deepEqual(
    outcomes,
    cluster.nodes.map(() => "pulled"),
  );
  assert.equal(registry.requests().filter(({ path }) => path.includes("/blobs/")).length, before, "no blob was read for the pulls");
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
  await told(node(0));
  const prepull = hookPods("prepull");
  assert.equal(prepull.filter(({ phase }) => phase === "Running").length, NODES, "every node held the new image before");
  assert.match(
    prepull.find(({ phase }) => phase === "Succeeded")?.logs ?? "",
    new RegExp(`${String(NODES)} of ${String(NODES)} nodes are done`),
  );
  assert.match(hookPods("harbor-register").at(-1)?.logs ?? "", /brought up to date/);
});

test("a node whose daemon is killed for good pulls on from the registry within a second", async () => {
  const victim = node(NODES - 1);
  await told(victim);
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
  const cleared = hookPods("cleanup").filter(({ phase }) => phase === "Running");
  assert.equal(cleared.length, NODES, "every node was cleared");
  const files = snapshots();
  for (const [at, after] of files.entries()) assert.deepEqual(after, filesBefore[at], `${node(at).name} has its files again`);
});
