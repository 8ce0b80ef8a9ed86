import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  buildImage,
  openHarborRegistry,
  selfSigned,
  type BuiltImage,
  type HarborRegistry,
  type PreheatArtifact,
  type TaskOutcome,
} from "@darner/testkit";
import { HarborCluster } from "./harness/harbor-cluster.ts";
import { until } from "./harness/shell.ts";

// Checks of contracts/harbor-preheat.md 5.2 that are about things going wrong, by their numbers.
const MIB = 1024 * 1024;
// Slow enough that a job is still at work when the registry has sent its copy.
const UPLOAD = { DARNER_LIMITS_UPLOAD_BYTES_PER_SECOND: "1MiB" };
const HARBOR_TICK_MS = 10_000;

const lives = new AsyncDisposableStack();
let cluster: HarborCluster;
let trusted: HarborRegistry;
let strange: HarborRegistry;
before(async () => {
  const [tls, otherTls] = [selfSigned(), selfSigned()];
  const dir = mkdtempSync(join(tmpdir(), "darner-harbor-ca-"));
  lives.defer(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  const caFile = join(dir, "ca.pem");
  writeFileSync(caFile, tls.cert);
  trusted = lives.use(await openHarborRegistry({ tls }));
  strange = lives.use(await openHarborRegistry({ tls: otherTls }));
  const known = [trusted.registry.host, trusted.registry.secondHost].map((host) => [host, { caFile }] as const);
  const unknown = [strange.registry.host, strange.registry.secondHost].map((host) => [host, {}] as const);
  cluster = lives.use(
    await HarborCluster.open({
      seeds: 1,
      others: 2,
      own: "/own",
      registries: Object.fromEntries([...known, ...unknown]),
      daemon: (name) => (name === "node-1" ? { ...UPLOAD, DARNER_STORE_MIN_FREE_BYTES: "1000TiB" } : UPLOAD),
    }),
  );
});
after(() => lives.disposeAsync());

function image(seed: string, bytes = 200_000): BuiltImage {
  return buildImage({ layers: [0, 1, 2].map((at) => ({ bytes: bytes + at, seed: `trouble ${seed} ${String(at)}` })) });
}

function withScope(given: PreheatArtifact, scope: string): PreheatArtifact {
  return { ...given, extraAttrs: { scope } };
}

/** A task that must fail soon, with a sentence that names the image and what these patterns say. */
function assertFailed({ status, error, polls }: TaskOutcome, ...says: readonly (RegExp | string)[]): void {
  assert.equal(status, "Error");
  for (const said of says) assert.match(error ?? "", new RegExp(said));
  // A poll every 200 ms: 30 s at most, where Harbor would wait 30 minutes.
  assert.ok(polls < 150, `${String(polls)} polls`);
}

test("harbor 9: 401, 404, 412 and 500 of the registry end the task soon, and its text names image, status and reason", async () => {
  const { harbor } = cluster;
  const simulator = cluster.simulator();
  const expired = harbor.push("team/nine", image("nine"), "v1");
  const wrong = { ...expired, headers: { Authorization: "Bearer wrong" } };
  assertFailed(await simulator.run(wrong), "team/nine:v1", "401");
  assertFailed(await simulator.run(harbor.artifact("team/nine", "absent")), "team/nine:absent", "404");
  harbor.forbid("strict");
  const forbidden = harbor.push("strict/nine", image("nine strict"), "v1");
  assertFailed(await simulator.run(forbidden), "strict/nine:v1", "412", "vulnerability scanning");
  const fault = harbor.registry.fault({ when: { path: "team/nine/manifests" }, do: { kind: "status", status: 500, body: "oops" } });
  assertFailed(await simulator.run(harbor.artifact("team/nine", "v1")), "team/nine:v1", "500");
  fault.remove();
  const nowhere = await cluster.post("https://nowhere.invalid/v2/team/nine/manifests/v1");
  const { state, result } = await cluster.over((JSON.parse(nowhere.text) as { id: number }).id);
  assert.equal(state, "FAILURE");
  assert.match(result?.job_states[0]?.error ?? "", /nowhere\.invalid\/team\/nine:v1: .{10}/);
});

test("harbor 10: a host with a full disk is a failure row, the task a success; without any copy the task fails, for one seed as well", async () => {
  const { harbor } = cluster;
  const built = image("ten");
  const { status, rows } = await cluster.simulator().run(withScope(harbor.push("team/ten", built, "v1"), "all_peers"));
  assert.equal(status, "Success");
  const failed = rows.filter(({ state }) => state === "FAILURE");
  assert.deepEqual([...new Set(failed.map(({ hostname }) => hostname))], ["node-1"]);
  for (const { error } of failed) assert.match(error, /disk|space|free/);
  assert.ok(rows.findIndex(({ state }) => state === "FAILURE") >= 0);
  for (const scope of ["all_peers", "single_seed_peer"]) {
    const given = withScope(harbor.push(`team/ten-${scope.replaceAll("_", "-")}`, image(scope), "v1"), scope);
    const fault = harbor.registry.fault({ when: { kind: "blob", path: given.imageName }, do: { kind: "status", status: 404 } });
    assertFailed(await cluster.simulator().run(given), given.imageName);
    fault.remove();
  }
});

test("harbor 15: a token that ends when the registry has sent its copy hurts nobody", async () => {
  const { harbor } = cluster;
  const built = image("fifteen", MIB);
  const given = harbor.push("team/fifteen", built, "v1");
  // What the full one reads of the source is for nobody.
  const able = cluster.nodes.filter(({ name }) => name !== "node-1");
  const answer = await cluster.post(given.url, { headers: given.headers, scope: "all_peers" });
  const { id } = JSON.parse(answer.text) as { id: number };
  await until("one copy to be in the swarm", async () => ((await cluster.haveAll(able, built)) ? true : undefined));
  harbor.tokens.expireAll();
  assert.equal((await cluster.job(id)).state, "PENDING", "the hosts still feed each other");
  const { state, result } = await cluster.over(id);
  assert.equal(state, "SUCCESS", JSON.stringify(result));
  for (const node of able) assert.ok(cluster.holdsAll(node, built), node.name);
});

test("harbor 15: a token that ended before the start is replaced by Darner's own credential, and where there is none the text says when it ended", async () => {
  const { harbor } = cluster;
  harbor.push("own/late", image("late own"), "v1");
  const own = await cluster.simulator().run(harbor.artifact("own/late", "v1", { lifetimeSeconds: -600 }));
  assert.deepEqual([own.status, own.error], ["Success", undefined]);
  harbor.push("team/late", image("late"), "v1");
  assertFailed(
    await cluster.simulator().run(harbor.artifact("team/late", "v1", { lifetimeSeconds: -600 })),
    "team/late:v1",
    /token expired at [0-9]{4}-[0-9]{2}-[0-9]{2}T/,
  );
});

test("harbor 21: a Harbor with a CA of its own is read where the CA is configured; where not, the text says what to do", async () => {
  const { status, error } = await cluster.simulator().run(trusted.push("team/ca", image("ca"), "v1"));
  assert.deepEqual([status, error], ["Success", undefined]);
  assertFailed(await cluster.simulator().run(strange.push("team/ca", image("no ca"), "v1")), "team/ca:v1", /certificate/, /caFile/);
});

test("harbor 25: a job is PENDING up to its deadline and then fails with what is missing", async () => {
  const { harbor } = cluster;
  const built = image("long");
  const given = harbor.push("team/long", built, "v1");
  const released = Promise.withResolvers<undefined>();
  const fault = harbor.registry.fault({ when: { kind: "blob", path: "team/long" }, do: { kind: "hold", until: released.promise } });
  const answer = await cluster.post(given.url, { headers: given.headers, timeout: 3e9 });
  const { id } = JSON.parse(answer.text) as { id: number };
  const [firstLook, done] = [await cluster.job(id), await cluster.over(id)];
  assert.deepEqual([firstLook.state, done.state], ["PENDING", "FAILURE"]);
  const took = Date.parse(done.updated_at) - Date.parse(done.created_at);
  assert.ok(took >= 3000 && took < 30_000, `${String(took)} ms`);
  assert.match(done.result?.job_states[0]?.error ?? "", /team\/long:v1/);
  fault.remove();
  released.resolve(undefined);
});

test("harbor 11, 26: a task outlives a scheduler that is killed between POST and poll; without its token it goes on with Darner's own credential or says so", async () => {
  const { harbor } = cluster;
  const released = Promise.withResolvers<undefined>();
  const hold = harbor.registry.fault({ when: { kind: "blob", path: /(own|team)\/killed/ }, do: { kind: "hold", until: released.promise } });
  const [withOwn, without, idle] = ["own/killed", "team/killed", "team/idle"].map((repository) =>
    harbor.push(repository, image(repository), "v1"),
  );
  assert.ok(withOwn !== undefined && without !== undefined && idle !== undefined);
  const quiet = cluster.simulator({ tickMs: HARBOR_TICK_MS });
  const [first, second] = [cluster.simulator({ tickMs: HARBOR_TICK_MS }), cluster.simulator({ tickMs: HARBOR_TICK_MS })];
  const tasks = [first.run(withOwn), second.run(without)];
  for (const { exchanges } of [first, second])
    await until("the POST to be answered", () => (exchanges.some(({ method }) => method === "POST") ? true : undefined));
  await cluster.killScheduler();
  await cluster.startScheduler();
  hold.remove();
  released.resolve(undefined);
  const isWhole = async (): Promise<true | undefined> =>
    /^darner_scheduler_hosts 3$/m.test((await cluster.ask("/metrics")).text) ? true : undefined;
  await until("all daemons to come back", isWhole);
  const idling = quiet.run(idle);
  const [own, lost] = await Promise.all(tasks);
  assert.deepEqual([own?.status, own?.error], ["Success", undefined]);
  assert.ok(lost !== undefined);
  assertFailed(lost, "team/killed:v1", /token|credential/);
  const { status, error } = await idling;
  assert.deepEqual([status, error], ["Success", undefined]);
  const polls = quiet.exchanges.filter(({ url }) => url.includes("/oapi/v1/jobs/"));
  assert.ok(polls.length > 0 && polls.every(({ reused }) => reused), "a poll 10 s later comes over the connection of the POST");
});
