import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { buildImage, type BuiltImage } from "@darner/testkit";
import { Cluster, type Node } from "../harness/cluster.ts";
import { DarnerNode, startDarner } from "../harness/darner-node.ts";
import { run, until } from "../harness/shell.ts";

// Everything in processes and network namespaces of its own: scheduler, registry, daemons, the operator's commands.
const MIB = 1024 * 1024;
// Removal is to be felt within seconds.
const SECONDS_MS = 10_000;

let cluster: Cluster;
let images = 0;
before(async () => {
  cluster = await Cluster.open({ tag: "memb", nodes: 3 });
});
after(() => cluster[Symbol.asyncDispose]());

function node(at: number): Node {
  const found = cluster.nodes[at];
  assert.ok(found !== undefined);
  return found;
}

async function hostOf({ darner }: { readonly darner: DarnerNode }): Promise<string> {
  return (await darner.status())?.host ?? assert.fail("no status");
}

async function push(): Promise<{ readonly image: BuiltImage; readonly name: string }> {
  images += 1;
  const image = buildImage({ layers: [6, 3].map((mib) => ({ bytes: mib * MIB, seed: `membership ${String(images)} ${String(mib)}` })) });
  const repository = `team/app${String(images)}`;
  await cluster.registry.push(image, repository, "v1");
  return { image, name: `${cluster.registry.name}/${repository}:v1` };
}

/** Pulls with the node's containerd; the body bytes of blobs that came from the registry and from other hosts. */
async function pull({ darner, containerd }: Node, name: string): Promise<{ readonly source: number; readonly parent: number }> {
  const before = (await darner.status())?.bytes ?? assert.fail("no status");
  const { ok, stderr } = await containerd.fetch(name);
  assert.ok(ok, stderr);
  const now = (await darner.status())?.bytes ?? assert.fail("no status");
  return { source: now.source - before.source, parent: now.parent - before.parent };
}

/** Asks one node for another's status over libp2p; whether it was told. */
async function asksOverLibp2p(from: DarnerNode, to: DarnerNode): Promise<boolean> {
  const path = `/api/v1/hosts/${await hostOf({ darner: to })}/status?address=${to.host.address}:4103`;
  const { ok } = await run(["curl", "-sf", "-m", "10", `http://127.0.0.1:4104${path}`], { namespace: from.host.namespace });
  return ok;
}

type Listed = { readonly tokens: readonly { readonly id: string; readonly expiresAt: string | null }[] };

async function listTokens(): Promise<Listed> {
  return JSON.parse((await cluster.operate("token", "list", "--json")).stdout) as Listed;
}

test("nodes join with a token in a file and feed each other over TLS; the operator sees them all as connected", async () => {
  const { name } = await push();
  const first = await pull(node(0), name);
  assert.ok(first.source > 9 * MIB);
  const second = await pull(node(1), name);
  assert.ok(second.parent > 9 * MIB && second.source === 0, `the second is fed by the first: ${JSON.stringify(second)}`);
  assert.ok(await asksOverLibp2p(node(0).darner, node(1).darner), "members ask each other over libp2p");
  const { ok, stdout } = await cluster.operate("hosts", "list");
  assert.ok(ok);
  for (const each of cluster.nodes) assert.match(stdout, new RegExp(`^${await hostOf(each)} .* connected`, "m"));
});

test("a revoked token lets nobody join, without a restart of anything, and throws nobody out; a wrong and an expired one let nobody in", async () => {
  const [{ id } = { id: "" }] = (await listTokens()).tokens;
  const revoked = await cluster.operate("token", "revoke", id);
  assert.ok(revoked.ok, revoked.stderr);
  assert.deepEqual((await listTokens()).tokens, []);
  assert.ok(!(await cluster.operate("token", "revoke", id)).ok, "twice is told");
  const late = await stranger("late", cluster.tokenFile);
  await until("the late host to be told", () => (late.log().includes("not-a-member") ? true : undefined));
  const other = join(cluster.dir, "other-token");
  const expiring = await cluster.operate("token", "create", "--ttl", "1s");
  writeFileSync(other, expiring.stdout, { mode: 0o600 });
  await until("the token to expire", async () => {
    const [{ expiresAt } = { expiresAt: null }] = (await listTokens()).tokens;
    return expiresAt !== null && Date.parse(expiresAt) < Date.now() ? true : undefined;
  });
  const tardy = await stranger("tardy", other);
  await until("the tardy host to be told", () => (tardy.log().includes("not-a-member") ? true : undefined));
  for (const each of [late, tardy]) await each.stop();
  for (const { darner } of cluster.nodes) assert.notEqual((await darner.status())?.scheduler, null);
});

/** Starts a daemon that is not expected to be let in. */
async function stranger(name: string, tokenFile: string): Promise<ReturnType<typeof startDarner>> {
  const host = await cluster.network.add(name);
  return startDarner("daemon", host, join(cluster.dir, name), {
    DARNER_ADVERTISE: host.address,
    DARNER_NAME: name,
    DARNER_STORE_MIN_FREE_BYTES: "1GiB",
    DARNER_SCHEDULERS: JSON.stringify(cluster.schedulerHosts.map(({ address }) => `${address}:4110`)),
    DARNER_REGISTRIES: JSON.stringify({ [cluster.registry.name]: { plainHttp: true } }),
    DARNER_JOIN_TOKEN_FILE: tokenFile,
  });
}

test("a removed host is cut off within seconds everywhere: scheduler, piece channel, libp2p, both ways", async () => {
  const [first, removed] = [node(0), node(2)];
  assert.ok(await asksOverLibp2p(removed.darner, first.darner), "before, it is a member");
  const { name } = await push();
  await pull(removed, name);
  const startedAt = performance.now();
  const { ok, stderr } = await cluster.operate("hosts", "remove", await hostOf(removed));
  assert.ok(ok, stderr);
  await until("the scheduler to be gone for it", async () => ((await removed.darner.status())?.scheduler === null ? true : undefined));
  await until("its neighbour to know", () => (first.darner.log().includes("hosts were removed from the cluster") ? true : undefined));
  await until("libp2p to refuse it", async () => ((await asksOverLibp2p(removed.darner, first.darner)) ? undefined : true));
  assert.ok(!(await asksOverLibp2p(first.darner, removed.darner)), "nor do members ask it");
  const ms = Math.round(performance.now() - startedAt);
  console.log(`removed: cut off by the scheduler, the neighbour and libp2p after ${String(ms)} ms`);
  assert.ok(ms < SECONDS_MS);
  // Only the removed host has this image: a member reads it from the registry, although the removed host would give it.
  const member = await pull(first, name);
  assert.deepEqual([member.parent, member.source > 9 * MIB], [0, true], "members take nothing from it");
  const other = await push();
  await pull(first, other.name);
  assert.equal((await pull(removed, other.name)).parent, 0, "and give it nothing; its own pull goes to the registry");
});

test("without a scheduler members that were restarted know each other by the list they keep, and the removed host is none of them", async () => {
  const [first, second, removed] = [node(0), node(1), node(2)];
  await cluster.killScheduler();
  for (const { darner } of [first, second, removed]) {
    await darner.kill();
    await darner.start({ needsScheduler: false });
  }
  assert.ok(await asksOverLibp2p(first.darner, second.darner));
  assert.ok(await asksOverLibp2p(second.darner, first.darner));
  assert.ok(!(await asksOverLibp2p(removed.darner, first.darner)), "the denial was kept, too");
  await cluster.startSchedulerAlone();
  for (const { darner } of [first, second])
    await until("the scheduler to know its members again", async () => ((await darner.status())?.scheduler === null ? undefined : true));
  assert.equal((await removed.darner.status())?.scheduler, null);
  const { name } = await push();
  await pull(first, name);
  assert.ok((await pull(second, name)).parent > 9 * MIB, "and they feed each other again");
});

test("where no scheduler is configured two hosts prove the token to each other; one with another token, or none of it, is nobody", async () => {
  const { stdout } = await cluster.operate("token", "create");
  const { stdout: foreign } = await cluster.operate("token", "create");
  await using lives = new AsyncDisposableStack();
  const open = async (name: string, token: string): Promise<DarnerNode> => {
    const file = join(cluster.dir, `${name}-token`);
    writeFileSync(file, token, { mode: 0o600 });
    const config = { DARNER_SCHEDULERS: "[]", DARNER_NAME: name, DARNER_JOIN_TOKEN_FILE: file };
    return lives.use(await DarnerNode.open(await cluster.network.add(name), join(cluster.dir, name), config));
  };
  const [a, b, c] = [await open("pair-a", stdout), await open("pair-b", stdout), await open("pair-c", foreign)];
  assert.ok(await asksOverLibp2p(a, b));
  assert.ok(await asksOverLibp2p(b, a));
  assert.ok(!(await asksOverLibp2p(c, a)) && !(await asksOverLibp2p(a, c)));
});
