import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { buildImage, type BuiltImage } from "@darner/testkit";
import { Cluster } from "./harness/cluster.ts";
import { must, until } from "./harness/shell.ts";

const MIB = 1024 * 1024;
const NAMES = ["scheduler", "scheduler-1", "scheduler-2"];
// Three layers, 100 MiB.
const imageOf = (seed: number): BuiltImage =>
  buildImage({ layers: [48, 40, 12].map((megabytes, at) => ({ bytes: megabytes * MIB, seed: seed + at })) });

let cluster: Cluster;
before(async () => {
  cluster = await Cluster.open({ tag: "scheds", nodes: 4, schedulers: 3 });
});
after(() => cluster[Symbol.asyncDispose]());

const copyBytes = (image: BuiltImage): number => image.index.size + image.totalBytes;

/** Whom each daemon follows. */
async function followed(): Promise<(string | null | undefined)[]> {
  return Promise.all(cluster.nodes.map(async ({ darner }) => (await darner.status())?.scheduler));
}

async function allFollow(name: string, why: string): Promise<number> {
  const since = performance.now();
  await until(why, async () => ((await followed()).every((scheduler) => scheduler === name) ? true : undefined), 60_000);
  return performance.now() - since;
}

/** All nodes pull the image at once; in the middle something happens. */
async function pullWhile(image: BuiltImage, tag: string, happen: () => Promise<void>): Promise<number> {
  await cluster.registry.push(image, "team/app", tag);
  const name = `${cluster.registry.name}/team/app:${tag}`;
  const pulls = cluster.nodes.map(({ containerd }) => containerd.fetch(name));
  await until("the pull to be under way", async () => {
    const states = await Promise.all(cluster.nodes.map(({ darner }) => darner.status()));
    return states.every((status) => status?.peers.some(({ held }) => held > 4) === true) ? true : undefined;
  });
  await happen();
  for (const { ok, stderr } of await Promise.all(pulls)) assert.ok(ok, stderr);
  for (const { containerd } of cluster.nodes) {
    for (const { digest } of [image.manifest, ...image.layers]) assert.equal(await containerd.sha256(digest), digest);
  }
  assert.deepEqual(cluster.registry.fallbacks(), [], "nobody went past the mirror");
  const copies = cluster.registry.bodyBytes() / copyBytes(image);
  console.log(`${tag}: ${copies.toFixed(4)} × the image left the registry; followed now: ${(await followed()).join(", ")}`);
  return copies;
}

/** The routes between some nodes and a scheduler, dropped at the nodes or there again. */
async function cut(what: "add" | "del", nodes: readonly number[], scheduler: number): Promise<void> {
  const address = cluster.schedulerHosts[scheduler]?.address ?? "";
  for (const at of nodes) {
    const namespace = cluster.nodes[at]?.darner.host.namespace ?? "";
    await must(["ip", "-n", namespace, "route", what, "blackhole", `${address}/32`]);
  }
}

test("three schedulers: all follow the first, the others are standbys", async () => {
  await allFollow("scheduler", "all to follow the first");
  const status = await cluster.nodes[0]?.darner.status();
  assert.deepEqual(
    status?.schedulerSessions.map(({ name, state }) => [name, state]),
    NAMES.map((name, at) => [name, at === 0 ? "active" : "standby"]),
  );
  const copies = await pullWhile(imageOf(10), "quiet", () => Promise.resolve());
  assert.ok(copies <= 1.02, String(copies));
});

test("the active scheduler killed with -9 in the middle of a cold pull: all follow the second, and the source is hardly read again", async () => {
  const copies = await pullWhile(imageOf(20), "killed", () => cluster.killScheduler(0));
  assert.ok(copies <= 1.1, String(copies));
  assert.deepEqual(new Set(await followed()), new Set(["scheduler-1"]));
});

test("the first comes back: when it has been steady all return to it, in the middle of a pull and without harm", async () => {
  await cluster.startScheduler(0);
  const copies = await pullWhile(imageOf(30), "back", async () => {
    const ms = await allFollow("scheduler", "all to return to the first");
    console.log(`back at the first after ${(ms / 1000).toFixed(1)} s`);
  });
  assert.ok(copies <= 1.1, String(copies));
});

test("two nodes are cut off from the active scheduler: within 10 s all follow one that everybody reaches, at most one copy more", async () => {
  const copies = await pullWhile(imageOf(40), "split", () => cut("add", [0, 1], 0));
  assert.ok(copies <= 2, String(copies));
  const ms = await allFollow("scheduler-1", "the split to end");
  console.log(`split over ${(ms / 1000).toFixed(1)} s after the pull`);
  await cut("del", [0, 1], 0);
});

test("all three restarted one after the other during pulls: no pull fails", async () => {
  const copies = await pullWhile(imageOf(50), "rolling", async () => {
    for (const at of [0, 1, 2]) {
      await cluster.killScheduler(at);
      await cluster.startScheduler(at);
    }
  });
  assert.ok(copies <= 2, String(copies));
});
