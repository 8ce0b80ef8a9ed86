import assert from "node:assert/strict";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { hostIdOf } from "@darner/domain";
import { JobError, newJob, type Job, type LiveHost } from "@darner/preheat";
import { openRegistryClient, type RegistryClient } from "@darner/registry-client";
import { createRegistry } from "@darner/runtime";
import { buildImage, capturedLog, noLeaks, openScriptedRegistry, openTempDir, StoppedClock } from "@darner/testkit";
import { eventually } from "../../test/eventually.ts";
import { AskedJobs } from "../http/asked-jobs.ts";
import { dragonflyRecord } from "../http/harbor/dragonfly-record.ts";
import { readDragonflyJob } from "../http/harbor/dragonfly-request.ts";
import { krakenRoutes } from "../http/harbor/kraken-routes.ts";
import { JobStore } from "../job-store/job-store.ts";
import { createSchedulerMetrics } from "../metrics.ts";
import { PreheatJobs, type WarmOrder, type WarmSwarm } from "./preheat-jobs.ts";

noLeaks();

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const HARBOR_GIVES_UP_MS = 1801_000;
const HOST: LiveHost = {
  host: hostIdOf(`12D3KooW${"a".repeat(44)}`),
  name: "node-1",
  ip: "10.0.0.1",
  zone: "",
  labels: {},
  seed: false,
  platform: `linux/${process.arch === "x64" ? "amd64" : process.arch}`,
};

/** One host that is told what to hold and holds nothing until a test says so. */
class Hosts implements WarmSwarm {
  readonly orders: WarmOrder[] = [];

  warm(order: WarmOrder): void {
    this.orders.push(order);
  }

  release(): void {}

  holds(): [] {
    return [];
  }

  live(): readonly LiveHost[] {
    return [HOST];
  }
}

type Bench = AsyncDisposable & {
  readonly jobs: PreheatJobs;
  readonly store: JobStore;
  readonly clock: StoppedClock;
  readonly hosts: Hosts;
  /** Posts what Harbor sends for an image at this URL. */
  post(url: string, args?: object): Promise<number>;
  /** What Harbor reads of a job: its state, and the sentence where it failed. */
  shown(id: number): Promise<readonly [string, string]>;
  metrics(): Promise<string>;
};

async function openBench(dir: string, client: RegistryClient, startAt = 0): Promise<Bench> {
  const [clock, hosts, registry, log] = [new StoppedClock(startAt), new Hosts(), createRegistry(), capturedLog()];
  const store = await JobStore.open({ dataDir: dir, ordinal: 0, keepMs: DAY }, log);
  const { preheat } = createSchedulerMetrics(registry, undefined, () => store.counts());
  const deps = { store, client, swarm: hosts, timers: clock, wallNow: () => clock.now(), log, metrics: preheat, isPlain: () => true };
  const jobs = new PreheatJobs(deps);
  jobs.start();
  jobs.post({ type: "host-joined", host: HOST });
  return {
    ...{ jobs, store, clock, hosts },
    post: async (url, args = {}) => {
      const body = {
        type: "image",
        url,
        tag: "",
        filtered_query_params: "",
        headers: {},
        scope: "all_peers",
        concurrent_count: 0,
        timeout: 0,
      };
      const read = readDragonflyJob({ type: "preheat", args: { ...body, ...args }, scheduler_cluster_ids: null });
      assert.ok(read.ok);
      return (await jobs.create(read.value.request)).id;
    },
    shown: async (id) => {
      const record = dragonflyRecord((await jobs.get(id)) ?? assert.fail()) as {
        state: string;
        result: { job_states: { error: string }[] } | null;
      };
      return [record.state, record.result?.job_states[0]?.error ?? ""];
    },
    metrics: () => registry.metrics(),
    [Symbol.asyncDispose]: async () => {
      await jobs[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** A registry that takes every question and answers none. */
const HANGS = {
  head: ({ signal }: { signal?: AbortSignal }) =>
    new Promise<never>((_resolve, reject) => {
      signal?.addEventListener("abort", () => {
        reject(signal.reason as Error);
      });
    }),
} as unknown as RegistryClient;

test("harbor 25: while the registry hangs a job is PENDING to its last second, then FAILURE before Harbor gives up, with what is missing", async () => {
  await using dir = await openTempDir();
  await using bench = await openBench(dir.path, HANGS);
  const usual = await bench.post("http://harbor.corp/v2/team/long/manifests/v1");
  const longer = await bench.post("http://harbor.corp/v2/team/long/manifests/v1", { timeout: 30 * 60e9 });
  bench.clock.advance(28 * MINUTE - 1000);
  assert.deepEqual(
    [await bench.shown(usual), await bench.shown(longer)],
    [
      ["PENDING", ""],
      ["PENDING", ""],
    ],
  );
  bench.clock.advance(1000);
  const [state, error] = await bench.shown(usual);
  assert.equal(state, "FAILURE");
  assert.match(error, /harbor\.corp\/team\/long:v1: .*28 minutes/);
  bench.clock.advance(MINUTE);
  assert.deepEqual(await bench.shown(longer), ["PENDING", ""], "at 29 minutes");
  bench.clock.advance(MINUTE);
  assert.equal((await bench.shown(longer))[0], "FAILURE");
  assert.ok(bench.clock.now() < HARBOR_GIVES_UP_MS);
});

test("harbor 22: who asks what an image consists of hears of a registry that hangs before Harbor stops listening, as does a notification of many images", async () => {
  await using dir = await openTempDir();
  await using bench = await openBench(dir.path, HANGS);
  const { refused } = createSchedulerMetrics(createRegistry()).preheat;
  const [route = assert.fail()] = krakenRoutes(bench.jobs, new AskedJobs(bench.jobs, {}, refused), { kind: "all-seeds" });
  const events = ["a", "b", "c"].map((name) => ({
    action: "push",
    target: {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      repository: `team/${name}`,
      tag: "v1",
      url: `https://harbor.corp/v2/team/${name}/manifests/v1`,
    },
  }));
  const { signal } = new AbortController();
  const notified = route.handle({ params: {}, query: {}, body: { events }, signal, message: new IncomingMessage(new Socket()) });
  const alone = bench.jobs.distribution({ repository: { registry: "harbor.corp", name: "team/app" }, tag: "v1" });
  const failing = assert.rejects(
    alone,
    (error) => error instanceof JobError && /harbor\.corp\/team\/app:v1: harbor\.corp did not tell within 25 s/.test(error.message),
  );
  bench.clock.advance(25_000);
  await failing;
  const answer = await notified;
  assert.equal(answer.status, 502);
  assert.match(JSON.stringify("body" in answer ? answer.body : ""), /team\/a:v1: harbor\.corp did not tell/);
  assert.deepEqual(await bench.jobs.list({ limit: 10 }), [], "no job was made");
});

test("harbor 25: a host that never holds what it is told to is named at the deadline, with how much it lacks; URLs begin as the registry is spoken to", async () => {
  await using dir = await openTempDir();
  const registry = await openScriptedRegistry();
  const client = openRegistryClient({ registries: { [registry.host]: { plainHttp: true } } }, { log: capturedLog() });
  const image = buildImage({ layers: [{ bytes: 10, seed: "a" }] });
  registry.content.push("team/app", image, "v1");
  registry.content.push("team/other", buildImage({ layers: [{ bytes: 20, seed: "b" }] }), "v1");
  try {
    await using bench = await openBench(dir.path, client);
    const id = await bench.post(`http://${registry.host}/v2/team/app/manifests/v1`);
    await eventually(() => bench.hosts.orders.length > 0, "the host is told what to hold");
    const [layer] = image.layers;
    bench.jobs.post({ type: "content-held", host: HOST.host, digest: layer?.digest ?? assert.fail() });
    const asked = {
      images: [{ repository: { registry: registry.host, name: "team/other" }, tag: "v1" }],
      scope: { kind: "all-hosts" },
    } as const;
    const whole = await bench.jobs.create({ ...asked, priority: 0, deadlineMs: MINUTE, pinMs: 0, requireAll: false, via: "api" });
    await eventually(() => bench.hosts.orders.some(({ job }) => job === whole.id), "the other job's order");
    for (const { digest } of bench.hosts.orders.flatMap(({ job, contents }) => (job === whole.id ? contents : [])))
      bench.jobs.post({ type: "content-held", host: HOST.host, digest });
    const { state, contentUrls } = (await bench.jobs.get(whole.id)) ?? assert.fail();
    assert.equal(state, "succeeded");
    assert.ok(
      contentUrls.length >= 3 && contentUrls.every((url) => url.startsWith(`http://${registry.host}/v2/team/other/`)),
      contentUrls[0],
    );
    bench.clock.advance(28 * MINUTE);
    const [failure, error] = await bench.shown(id);
    assert.equal(failure, "FAILURE");
    assert.match(error, /team\/app:v1: not done within 28 minutes: 1 of 1 hosts are not complete; node-1 lacks [23] contents/);
    const text = await bench.metrics();
    for (const line of [
      'darner_scheduler_preheat_jobs_over_total{via="api",state="succeeded"} 1',
      'darner_scheduler_preheat_images_total{outcome="resolved"} 2',
      'darner_scheduler_preheat_jobs_over_total{via="harbor",state="failed"} 1',
      "darner_scheduler_preheat_first_copy_seconds_count 1",
      'darner_scheduler_preheat_jobs{state="succeeded"} 1',
    ])
      assert.ok(text.includes(line), line);
    assert.match(text, /darner_scheduler_preheat_bytes_total [1-9]/);
  } finally {
    await client.close();
    await registry.close();
  }
});

test("a clock that was set back while no scheduler ran: a job's times stay in order and its deadline does not move away", async () => {
  await using dir = await openTempDir();
  let kept: Job;
  {
    await using before = await openBench(dir.path, HANGS, 400 * DAY);
    kept = (await before.jobs.get(await before.post("http://harbor.corp/v2/team/app/manifests/v1"))) ?? assert.fail();
  }
  await using bench = await openBench(dir.path, HANGS, 100 * DAY);
  const job = (await bench.jobs.get(kept.id)) ?? assert.fail();
  assert.ok(job.createdAt <= job.updatedAt && job.updatedAt <= bench.clock.now(), `${String(job.createdAt)} ${String(job.updatedAt)}`);
  bench.clock.advance(28 * MINUTE);
  assert.equal((await bench.shown(kept.id))[0], "FAILURE");
  const over = { ...newJob(160, kept.request, 400 * DAY), state: "succeeded", finishedAt: 400 * DAY } as const;
  await bench.store.keep(over);
  await bench.post("http://harbor.corp/v2/team/app/manifests/v1");
  assert.equal((await bench.jobs.get(160))?.state, "succeeded", "what is over stays");
});
