import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readFileSync } from "node:fs";
import { buildImage, type BuiltImage } from "@darner/testkit";
import { HarborCluster } from "./harness/harbor-cluster.ts";

// Checks of contracts/harbor-preheat.md 5.2 that are about numbers, by theirs.
const MIB = 1024 * 1024;
const POSTS = 200;
const IMAGES = 300;
const HOSTS = 1000;
const FULL_HOSTS = 5;
const LAYERS = 20;
const POLLS = 200;
const WARM_HOSTS = fileURLToPath(new URL("../../scheduler/test/grpc/warm-hosts.ts", import.meta.url));

let cluster: HarborCluster;
before(async () => {
  cluster = await HarborCluster.open({ seeds: 1, others: 1 });
});
after(() => cluster[Symbol.asyncDispose]());

function image(seed: string, layers: number, bytes: number): BuiltImage {
  return buildImage({ layers: Array.from({ length: layers }, (_, at) => ({ bytes: bytes + at, seed: `scale ${seed} ${String(at)}` })) });
}

/** CPU a process used so far, in milliseconds (proc(5), stat). */
function cpuMs(pid: number): number {
  const fields =
    readFileSync(`/proc/${String(pid)}/stat`, "utf8")
      .split(") ")
      .at(-1)
      ?.split(" ") ?? [];
  // Hundredths of a second on every Linux that Node runs on.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

test("harbor 12: 200 POSTs at once of one image are 200 jobs, one copy from the registry and 200 successes", async () => {
  const built = image("storm", 3, 400_000);
  const { url, headers } = cluster.harbor.push("team/storm", built, "v1");
  const answers = await Promise.all(Array.from({ length: POSTS }, () => cluster.post(url, { headers, scope: "all_peers" })));
  const ids = new Set(answers.map(({ text }) => (JSON.parse(text) as { id: number }).id));
  assert.equal(ids.size, POSTS);
  for (const id of ids) assert.equal((await cluster.over(id)).state, "SUCCESS");
  const sent = new Map<string, number>();
  for (const { path, bodyBytes } of cluster.harbor.blobReads()) sent.set(path, (sent.get(path) ?? 0) + bodyBytes);
  for (const { digest, size } of [built.config, ...built.layers]) {
    const bytes = [...sent].filter(([path]) => path.endsWith(digest)).reduce((sum, [, more]) => sum + more, 0);
    assert.ok(bytes <= 1.02 * size, `${digest}: ${String(bytes)} of ${String(size)} bytes`);
  }
  assert.ok(
    [...cluster.harbor.pulls().values()].every((count) => count === 1),
    "each manifest was pulled once",
  );
});

test("a policy of 300 images whose token ends in the middle: what came before is warm, each of the rest fails with a sentence, nothing hangs", async () => {
  const artifacts = Array.from({ length: IMAGES }, (_, at) =>
    cluster.harbor.push(`team/policy-${String(at)}`, image(`policy ${String(at)}`, 1, 2000), "v1"),
  );
  const simulator = cluster.simulator();
  const over = (): number => simulator.exchanges.filter(({ method }) => method === "POST").length;
  let expired = 0;
  const watch = setInterval(() => {
    if (expired > 0 || over() < IMAGES / 2) return;
    expired = over();
    cluster.harbor.tokens.expireAll();
  }, 10);
  const outcomes = await simulator.execute(artifacts).finally(() => {
    clearInterval(watch);
  });
  const good = outcomes.filter(({ status }) => status === "Success");
  const bad = outcomes.filter(({ status }) => status === "Error");
  console.log(`300 images: token ended after ${String(expired)} POSTs, ${String(good.length)} succeeded, ${String(bad.length)} failed`);
  assert.equal(good.length + bad.length, IMAGES);
  // Ten tasks run at once, and each may stand on either side of the end.
  assert.ok(good.length >= expired - 20 && bad.length >= IMAGES - expired - 20);
  for (const { error } of bad) assert.match(error ?? "", /team\/policy-[0-9]+:v1.*401/);
});

test("harbor 27: 1,000 hosts with 20 layers: the result stays below 1 MiB with failures first, and polls are answered quickly", async () => {
  await using large = await HarborCluster.open({ seeds: 0, others: 0 });
  const plan = { address: large.scheduler.door("grpc"), hosts: HOSTS, full: FULL_HOSTS };
  const hosts = fork(WARM_HOSTS, [JSON.stringify(plan)], { execArgv: ["--conditions=source"] });
  try {
    await once(hosts, "message");
    const given = { ...large.harbor.push("team/large", image("large", LAYERS, 1000), "v1"), extraAttrs: { scope: "all_peers" } };
    const { url, headers } = given;
    const posted = await large.post(url, { headers, scope: "all_peers" });
    const { id } = JSON.parse(posted.text) as { id: number };
    await large.over(id);
    const polls = [];
    const before = cpuMs(large.scheduler.pid);
    for (let nth = 0; nth < POLLS; nth += 1) polls.push(await large.ask(`/oapi/v1/jobs/${String(id)}`));
    const cpu = (cpuMs(large.scheduler.pid) - before) / POLLS;
    const { text } = polls[0] ?? assert.fail();
    const ms = polls.map((poll) => poll.ms).sort((a, b) => a - b);
    const at = (part: number): string => (ms[Math.floor(ms.length * part)] ?? 0).toFixed(1);
    console.log(
      `1,000 hosts x 20 layers: ${(text.length / MIB).toFixed(2)} MiB, polls p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${cpu.toFixed(1)} CPU-ms each`,
    );
    assert.ok(text.length < MIB, `${String(text.length)} bytes`);
    const { state, result } = await large.job(id);
    assert.equal(state, "SUCCESS");
    const results = result?.job_states[0]?.results[0] ?? assert.fail();
    const failed = new Set(results.failure_tasks.map(({ hostname }) => hostname));
    assert.equal(failed.size, FULL_HOSTS);
    assert.ok(text.indexOf("failure_tasks") < text.indexOf("success_tasks"));
    assert.ok(results.success_tasks.length > 1000);
    // What a poll costs is below 50 ms for every poll; how long it takes beside other work only for most of them.
    assert.ok(cpu < 50 && Number(at(0.5)) < 50 && Number(at(0.99)) < 1000);
    const outcome = await large.simulator().run(given);
    assert.equal(outcome.status, "Success");
  } finally {
    hosts.disconnect();
    await once(hosts, "exit");
  }
});
