import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { buildImage, type BuiltImage } from "@darner/testkit";
import { Cluster, type Node } from "./harness/cluster.ts";
import { until } from "./harness/shell.ts";

const MIB = 1024 * 1024;
const layer = (megabytes: number, seed: number): { bytes: number; seed: number } => ({ bytes: megabytes * MIB, seed });

// Four layers, 62 MiB; the second image shares two of them.
const first = buildImage({ layers: [layer(30, 1), layer(20, 2), layer(10, 3), layer(2, 4)] });
const second = buildImage({ layers: [layer(30, 1), layer(20, 2), layer(6, 5)] });

let cluster: Cluster;
before(async () => {
  cluster = await Cluster.open({ tag: "pull", nodes: 4 });
  await cluster.registry.push(first, "team/app", "v1");
  await cluster.registry.push(second, "team/app", "v2");
});
after(() => cluster[Symbol.asyncDispose]());

const imageName = (tag: string): string => `${cluster.registry.name}/team/app:${tag}`;

/** What one copy of an image is: index, manifest, config and layers. */
const copyBytes = (image: BuiltImage): number => image.index.size + image.totalBytes;

async function assertHolds(node: Node, image: BuiltImage): Promise<void> {
  const content = await node.containerd.content();
  for (const { digest } of [image.index, image.manifest, image.config, ...image.layers]) {
    assert.ok(content.has(digest), `${digest} is in the content store`);
    assert.equal(await node.containerd.sha256(digest), digest);
  }
}

async function fetchEverywhere(tag: string): Promise<void> {
  const outcomes = await Promise.all(cluster.nodes.map(({ containerd }) => containerd.fetch(imageName(tag))));
  for (const { ok, stderr } of outcomes) assert.ok(ok, stderr);
}

function report(what: string, image: BuiltImage): number {
  const bytes = cluster.registry.bodyBytes();
  const ratio = bytes / copyBytes(image);
  const fallbacks = cluster.registry.fallbacks().length;
  console.log(
    `${what}: ${String(bytes)} body bytes left the registry, ${ratio.toFixed(4)} × the image; ${String(fallbacks)} requests past the mirror`,
  );
  return ratio;
}

test("four cold nodes pull an image at once: right bytes everywhere, one copy leaves the registry, nobody goes past the mirror", async () => {
  await fetchEverywhere("v1");
  for (const node of cluster.nodes) await assertHolds(node, first);
  assert.ok(report("four cold nodes", first) <= 1.02);
  assert.deepEqual(cluster.registry.fallbacks(), []);
});

test("two nodes or more read a part from the source, nobody all of it, and all swapped the rest", async () => {
  let readers = 0;
  for (const { darner } of cluster.nodes) {
    const status = await darner.status();
    assert.ok(status !== undefined);
    if (status.bytes.source > 0) readers += 1;
    assert.ok(status.bytes.source < copyBytes(first), `${String(status.bytes.source)} bytes from the source`);
    assert.ok(status.bytes.parent > 0 && status.bytes.uploaded > 0);
  }
  assert.ok(readers >= 2, `${String(readers)} nodes read the source`);
});

test("an image that shares layers moves only what is new", async () => {
  cluster.registry.mark();
  await fetchEverywhere("v2");
  for (const node of cluster.nodes) await assertHolds(node, second);
  const known = new Set([...first.layers, first.config].map(({ digest }) => digest));
  const fresh = [second.index, second.manifest, second.config, ...second.layers].filter(({ digest }) => !known.has(digest));
  const freshBytes = fresh.reduce((sum, { size }) => sum + size, 0);
  const bytes = cluster.registry.bodyBytes();
  console.log(`second image: ${String(bytes)} body bytes left the registry, ${(bytes / freshBytes).toFixed(4)} × what is new`);
  assert.ok(bytes <= 1.02 * freshBytes);
  const asked = cluster.registry.requests().filter(({ method }) => method === "GET");
  for (const { digest } of first.layers) assert.ok(!asked.some(({ path }) => path.includes(digest)), `${digest} was not asked for again`);
  assert.deepEqual(cluster.registry.fallbacks(), []);
});

test("after the image was removed and the daemon restarted, a re-pull takes no blob byte from the registry", async () => {
  const [node] = cluster.nodes;
  assert.ok(node !== undefined);
  await node.containerd.remove(imageName("v1"));
  await node.containerd.remove(imageName("v2"));
  assert.equal((await node.containerd.content()).size, 0);
  await node.darner.restart();
  cluster.registry.mark();
  const { ok, stderr } = await node.containerd.fetch(imageName("v1"));
  assert.ok(ok, stderr);
  await assertHolds(node, first);
  const blobBytes = cluster.registry.requests().filter(({ method, path }) => method === "GET" && path.includes("/blobs/"));
  assert.deepEqual(blobBytes, []);
  assert.deepEqual(cluster.registry.fallbacks(), []);
});

test("a node that joins later takes everything from the others", async () => {
  cluster.registry.mark();
  const node = await cluster.addNode("late");
  const { ok, stderr } = await node.containerd.fetch(imageName("v1"));
  assert.ok(ok, stderr);
  await assertHolds(node, first);
  assert.equal(cluster.registry.bodyBytes(), 0);
  assert.deepEqual(cluster.registry.fallbacks(), []);
});

test("with the registry stopped, a node that has a public image serves it", async () => {
  const [, node] = cluster.nodes;
  assert.ok(node !== undefined);
  await node.containerd.remove(imageName("v1"));
  await node.containerd.remove(imageName("v2"));
  await cluster.registry.stop();
  try {
    const { ok, stderr } = await node.containerd.fetch(imageName("v1"));
    assert.ok(ok, stderr);
    await assertHolds(node, first);
  } finally {
    await cluster.registry.restart();
    cluster.registry.mark();
  }
});

test("killed with -9 in the middle of a pull, a daemon costs its own containerd a fall-back and nobody else anything", async () => {
  const image = buildImage({ layers: [layer(40, 11), layer(40, 12), layer(8, 13)] });
  await cluster.registry.push(image, "team/big", "v1");
  const nodes = cluster.nodes.slice(0, 4);
  const victim = nodes[3];
  assert.ok(victim !== undefined);
  const name = `${cluster.registry.name}/team/big:v1`;
  const pulls = nodes.map(({ containerd }) => containerd.fetch(name));
  await until("the pull to be under way", async () => (((await victim.darner.status())?.peers.length ?? 0) > 0 ? true : undefined));
  await victim.darner.kill();
  const outcomes = await Promise.all(pulls);
  for (const [index, { ok, stderr }] of outcomes.entries()) assert.ok(ok, `node ${String(index + 1)}: ${stderr}`);
  for (const node of nodes) await assertHolds(node, image);
  const fallbacks = cluster.registry.fallbacks();
  console.log(
    `daemon killed: ${String(fallbacks.length)} requests past the mirror, all of its own containerd; ${(cluster.registry.bodyBytes() / copyBytes(image)).toFixed(3)} × the image left the registry`,
  );
  // Its containerd asks the registry itself for what was missing: at most one copy more, for one node.
  assert.ok(fallbacks.length > 0, "the victim's containerd went past the mirror");
  await victim.darner.start();
});

test("the scheduler killed with -9 in the middle of a pull: all end well through Darner, and the swarm is back with the scheduler", async () => {
  const image = buildImage({ layers: [layer(40, 21), layer(40, 22)] });
  await cluster.registry.push(image, "team/bigger", "v1");
  const nodes = cluster.nodes.slice(0, 4);
  const name = `${cluster.registry.name}/team/bigger:v1`;
  const pulls = nodes.map(({ containerd }) => containerd.fetch(name));
  const watched = nodes[0];
  assert.ok(watched !== undefined);
  await until("the pull to be under way", async () => (((await watched.darner.status())?.peers.length ?? 0) > 0 ? true : undefined));
  await cluster.killScheduler();
  for (const { ok, stderr } of await Promise.all(pulls)) assert.ok(ok, stderr);
  for (const node of nodes) await assertHolds(node, image);
  report("scheduler killed", image);
  assert.deepEqual(cluster.registry.fallbacks(), []);
  await cluster.startScheduler();
  cluster.registry.mark();
  const late = await cluster.addNode("later");
  const { ok, stderr } = await late.containerd.fetch(name);
  assert.ok(ok, stderr);
  assert.equal(cluster.registry.bodyBytes(), 0, "the scheduler was told again what everybody holds");
});
