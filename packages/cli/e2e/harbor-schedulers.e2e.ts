import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { buildImage, type BuiltImage, type PreheatArtifact } from "@darner/testkit";
import { API_TOKEN, HarborCluster, type RawAnswer } from "./harness/harbor-cluster.ts";
import { LoopbackProcess } from "./harness/loopback-process.ts";
import { until } from "./harness/shell.ts";

// Check 11 of contracts/harbor-preheat.md 5.2 with several schedulers: Harbor speaks to whichever a load balancer gives it.
// They know each other by the signing key that they share, as where everybody is a member.
const [ACTIVE, STANDBY] = [0, 1];
// The number of a scheduler that is none of theirs.
const STRANGER = 2;
const HOSTS = 3;

let cluster: HarborCluster;
before(async () => {
  cluster = await HarborCluster.open({ seeds: 1, others: HOSTS - 1, schedulers: 2, own: "", members: true });
});
after(() => cluster[Symbol.asyncDispose]());

const idOf = ({ text }: RawAnswer): number => (JSON.parse(text) as { id: number }).id;
const writerOf = (id: number): number => id % 16;

function push(name: string): PreheatArtifact & { readonly built: BuiltImage } {
  const built = buildImage({ layers: [0, 1, 2].map((at) => ({ bytes: 400_000 + at, seed: `schedulers ${name} ${String(at)}` })) });
  return { ...cluster.harbor.push(`team/${name}`, built, "v1"), extraAttrs: { scope: "all_peers" }, built };
}

/** How often a scheduler has asked another one so, with that outcome. */
async function forwarded(question: string, outcome: string, at: number): Promise<number> {
  const { text } = await cluster.ask("/metrics", {}, at);
  const [, value = "0"] =
    new RegExp(`^darner_scheduler_forwarded_total\\{question="${question}",outcome="${outcome}"\\} ([0-9]+)$`, "m").exec(text) ?? [];
  return Number(value);
}

/** Resolves when all hosts have a session with a scheduler and, told so by themselves, so many follow it. */
async function haveHosts(at: number, followers: number): Promise<void> {
  const lines = [`darner_scheduler_hosts ${String(HOSTS)}`, `darner_scheduler_followers ${String(followers)}`];
  const look = async (): Promise<true | undefined> => {
    const { text } = await cluster.ask("/metrics", {}, at);
    return lines.every((line) => text.includes(`${line}\n`)) ? true : undefined;
  };
  await until(`scheduler ${String(at)} to have ${String(followers)} followers`, look, 60_000);
}

/** Holds what the registry would send of these repositories until it is called. */
function hold(path: RegExp): () => void {
  const released = Promise.withResolvers<undefined>();
  const fault = cluster.harbor.registry.fault({ when: { kind: "blob", path }, do: { kind: "hold", until: released.promise } });
  return () => {
    fault.remove();
    released.resolve(undefined);
  };
}

/** All that the registry sent of an image is one copy, and a little for its refusals. */
function assertOneCopy({ built }: { readonly built: BuiltImage }): void {
  const blobs = [built.config, ...built.layers];
  const reads = cluster.harbor.blobReads().filter(({ path }) => blobs.some(({ digest }) => path.endsWith(digest)));
  const sent = reads.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
  const copy = blobs.reduce((sum, { size }) => sum + size, 0);
  assert.ok(sent >= copy && sent <= 1.1 * copy, `${String(sent)} of ${String(copy)} bytes`);
}

test("harbor 11: a POST at a standby is taken by the active scheduler, its token goes there, and each of them answers for every id", async () => {
  await haveHosts(ACTIVE, HOSTS);
  await haveHosts(STANDBY, 0);
  const given = push("both");
  const release = hold(/team\/both/);
  const { url, headers } = given;
  const id = idOf(await cluster.post(url, { headers, scope: "all_peers" }, {}, STANDBY));
  assert.equal(writerOf(id), ACTIVE);
  for (const at of [ACTIVE, STANDBY]) assert.equal((await cluster.job(id, at)).state, "PENDING");
  release();
  const [there, here] = [await cluster.over(id, 60_000, STANDBY), await cluster.over(id, 60_000, ACTIVE)];
  assert.deepEqual(there, here);
  assert.equal(here.state, "SUCCESS");
  assertOneCopy(given);
  for (const at of [ACTIVE, STANDBY]) {
    assert.equal((await cluster.ask("/oapi/v1/jobs/160007", {}, at)).status, 404, "nobody has that ordinal");
    const listed = JSON.parse((await cluster.ask("/api/v1/jobs", {}, at)).text) as { jobs: { id: number }[] };
    assert.ok(listed.jobs.some((job) => job.id === id));
    const events = await cluster.ask(`/api/v1/jobs/${String(id)}/events`, {}, at);
    assert.match(events.text, /"state":"succeeded"/);
  }
  assert.equal((await cluster.ask(`/oapi/v1/jobs/${String(id)}`, { method: "DELETE" }, STANDBY)).status, 200);
  assert.equal((await cluster.ask(`/oapi/v1/jobs/${String(id)}`, {}, ACTIVE)).status, 404);
  for (const [question, least] of Object.entries({ create: 1, get: 2, list: 1, watch: 1, remove: 1 }))
    assert.ok((await forwarded(question, "answered", STANDBY)) >= least, question);
  assert.deepEqual(
    [
      await forwarded("create", "answered", STANDBY),
      await forwarded("create", "answered", ACTIVE),
      await forwarded("create", "absent", STANDBY),
    ],
    [1, 0, 0],
  );
  const token = (headers["Authorization"] ?? "").slice("Bearer ".length);
  assert.deepEqual(cluster.filesWith(token), []);
});

test("harbor 11: a scheduler with a signing key of its own is no other one of theirs, though it has their token of the API: it is told nothing and tells nothing", async () => {
  const dir = join(cluster.dir, "stranger");
  const grpc = [ACTIVE, STANDBY].map((at) => cluster.grpcOf(at));
  await using stranger = await LoopbackProcess.open("scheduler", dir, {
    DARNER_NAME: `scheduler-${String(STRANGER)}`,
    DARNER_JOIN_INSECURE: "false",
    DARNER_SCHEDULERS: JSON.stringify(grpc),
    DARNER_API_TOKEN_FILE: cluster.tokenFile,
    DARNER_REGISTRIES: JSON.stringify({ [cluster.harbor.registry.host]: { plainHttp: true } }),
  });
  const { url, headers } = cluster.harbor.push("team/stranger", buildImage({ layers: [{ bytes: 1000, seed: "stranger" }] }), "v1");
  const ask = async (path: string, body?: string): Promise<string> => {
    const init = { headers: { authorization: `Bearer ${API_TOKEN}`, "content-type": "application/json" } };
    const answer = await fetch(`http://${stranger.door("http")}${path}`, body === undefined ? init : { ...init, method: "POST", body });
    return answer.text();
  };
  const posted = await ask("/oapi/v1/jobs", JSON.stringify({ type: "preheat", args: { type: "image", url, headers, scope: "all_peers" } }));
  const { id } = JSON.parse(posted) as { id: number };
  assert.equal(writerOf(id), STRANGER, "nobody else takes its job");
  const listed = JSON.parse(await ask("/api/v1/jobs")) as { jobs: { id: number }[] };
  assert.deepEqual(
    listed.jobs.map((job) => job.id),
    [id],
    "nor does it see theirs",
  );
  for (const at of [ACTIVE, STANDBY]) {
    const theirs = JSON.parse((await cluster.ask("/api/v1/jobs", {}, at)).text) as { jobs: { id: number }[] };
    assert.ok(!theirs.jobs.some((job) => writerOf(job.id) === STRANGER));
  }
  assert.match(stranger.log(), /another signing key/);
  assert.deepEqual(cluster.filesWith((headers["Authorization"] ?? "").slice("Bearer ".length)), []);
});

test("harbor 11: the active scheduler is killed: Harbor's polls at the other stay PENDING, new tasks are taken there, and both end well when it is back", async () => {
  const [first, second] = [push("killed"), push("meanwhile")];
  const release = hold(/team\/(killed|meanwhile)/);
  const endpoint = cluster.endpointOf(STANDBY);
  const [one, two] = [cluster.simulator({ instance: { endpoint } }), cluster.simulator({ instance: { endpoint } })];
  const task = one.run(first);
  await until("the POST to be answered", () => (one.exchanges.some(({ method }) => method === "POST") ? true : undefined));
  await cluster.killScheduler(ACTIVE);
  const polled = one.exchanges.length;
  await until("polls while it is away", () => (one.exchanges.length > polled + 5 ? true : undefined));
  await haveHosts(STANDBY, HOSTS);
  const other = two.run(second);
  await until("the other POST to be answered", () => (two.exchanges.some(({ method }) => method === "POST") ? true : undefined));
  await cluster.startScheduler(ACTIVE);
  // The second task's scheduler is a standby again, and goes on with it.
  await haveHosts(ACTIVE, HOSTS);
  release();
  const outcomes = await Promise.all([task, other]);
  assert.deepEqual(
    outcomes.map(({ status, error, taskId }) => [status, error, writerOf(Number(taskId))]),
    [
      ["Success", undefined, ACTIVE],
      ["Success", undefined, STANDBY],
    ],
  );
  assert.ok((await forwarded("get", "absent", STANDBY)) > 0, "polls while it was away are counted");
  for (const { exchanges } of [one, two]) assert.ok(exchanges.every(({ status }) => status === 200));
  for (const { built } of [first, second]) for (const node of cluster.nodes) assert.ok(cluster.holdsAll(node, built), node.name);
  for (const given of [first, second]) assertOneCopy(given);
});
