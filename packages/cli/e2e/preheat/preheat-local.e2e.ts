import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "@darner/runtime";
import { buildImage, type BuiltImage } from "@darner/testkit";
import { LocalCluster } from "../harness/local-cluster.ts";

type Jobs = LocalCluster["jobs"];
type Job = Awaited<ReturnType<Jobs["create"]>>;
type JobRequest = Parameters<Jobs["create"]>[0];

const MIB = 1024 * 1024;
const NAME = "team/app";

function pushImage(cluster: LocalCluster, seed: string): BuiltImage {
  const image = buildImage({ layers: [1, 2, 3].map((at) => ({ bytes: 3 * MIB, seed: `${seed} ${String(at)}` })) });
  cluster.registry.content.push(NAME, image, "v1");
  return image;
}

function requestFor(cluster: LocalCluster, more: Partial<JobRequest> = {}): JobRequest {
  const image = { repository: { registry: cluster.registry.host, name: NAME }, tag: "v1" };
  const scope = { kind: "all-hosts" } as const;
  return { images: [image], scope, priority: 0, deadlineMs: 60_000, pinMs: 0, requireAll: false, via: "api", ...more };
}

async function over(jobs: Jobs, id: number): Promise<Job> {
  let last: Job | undefined;
  for await (const job of jobs.watch(id, AbortSignal.timeout(60_000))) last = job;
  assert.ok(last?.finishedAt !== undefined, `job ${String(id)} is ${last?.state ?? "gone"}`);
  return last;
}

function getsOf(cluster: LocalCluster, kind: string): string[] {
  return cluster.registry.requests.filter((request) => request.method === "GET" && request.kind === kind).map(({ path }) => path);
}

test("a preheat brings an image to every host for one copy from the registry, and a pull then asks it for nothing but who may", async () => {
  await using cluster = await LocalCluster.open({ daemons: 4 });
  const image = pushImage(cluster, "all");
  const job = await over(cluster.jobs, (await cluster.jobs.create(requestFor(cluster))).id);
  assert.deepEqual([job.state, job.hosts.map(({ state }) => state)], ["succeeded", Array.from({ length: 4 }, () => "complete")]);
  const blobs = image.layers.reduce((sum, { size }) => sum + size, image.config.size);
  assert.ok(cluster.registry.bodyBytes() <= 1.02 * (blobs + image.manifest.size + image.index.size), "one copy");
  assert.equal(getsOf(cluster, "manifest").length, 2, "each manifest once");
  const before = getsOf(cluster, "blob").length;
  for (const { addresses } of cluster.daemons) {
    for (const { digest, size } of [image.config, ...image.layers]) {
      const response = await fetch(`http://${addresses.mirror}/v2/${NAME}/blobs/${digest}?ns=${cluster.registry.host}`);
      assert.equal((await response.arrayBuffer()).byteLength, size);
    }
  }
  assert.equal(getsOf(cluster, "blob").length, before, "no blob is asked for again");
  const seen = await cluster.jobs.distribution(requestFor(cluster).images[0] ?? assert.fail());
  assert.deepEqual(
    seen.hosts.map(({ complete }) => complete),
    [true, true, true, true],
  );
});

test("a second job for the same image, under another tag, costs no request for content", async () => {
  await using cluster = await LocalCluster.open({ daemons: 2 });
  const image = pushImage(cluster, "again");
  await over(cluster.jobs, (await cluster.jobs.create(requestFor(cluster))).id);
  cluster.registry.content.pushManifest(NAME, image.index, "v2");
  const before = [getsOf(cluster, "manifest").length, getsOf(cluster, "blob").length];
  const request = requestFor(cluster);
  const images = request.images.map((one) => ({ ...one, tag: "v2" }));
  const job = await over(cluster.jobs, (await cluster.jobs.create({ ...request, images })).id);
  assert.equal(job.state, "succeeded");
  assert.deepEqual([getsOf(cluster, "manifest").length, getsOf(cluster, "blob").length], before);
});

test("a job's credential opens its repository to two readers, and everybody gets the image", async () => {
  const access = { scheme: "basic", users: { robot: "s3cret" } } as const;
  await using cluster = await LocalCluster.open({ daemons: 4, registry: { access } });
  pushImage(cluster, "private");
  const authorization = new Secret(`Basic ${btoa("robot:s3cret")}`);
  const job = await over(cluster.jobs, (await cluster.jobs.create(requestFor(cluster), { authorization })).id);
  assert.deepEqual([job.state, job.error], ["succeeded", undefined]);
  assert.doesNotMatch(JSON.stringify(job), /s3cret|Basic/);
  const denied = await over(cluster.jobs, (await cluster.jobs.create(requestFor(cluster))).id);
  assert.equal(denied.state, "failed");
  assert.match(denied.error ?? "", /401/);
});

test("an image whose layer is gone fails on every host with a sentence that names it", async () => {
  await using cluster = await LocalCluster.open({ daemons: 2 });
  const image = buildImage({ layers: [{ bytes: 1000, seed: "there" }] });
  const { content } = cluster.registry;
  content.pushBlob(NAME, image.config.bytes);
  content.pushManifest(NAME, image.manifest, "v1");
  const job = await over(cluster.jobs, (await cluster.jobs.create(requestFor(cluster))).id);
  assert.equal(job.state, "failed");
  assert.match(job.error ?? "", /no host could get it/);
  assert.ok(job.failures.some(({ url }) => url.includes(image.layers[0]?.digest ?? "?")));
});
