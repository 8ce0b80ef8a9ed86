import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { buildImage, fixtureBlob, type BuiltImage, type FixtureBlob } from "@darner/testkit";
import { Cluster } from "../harness/cluster.ts";
import { seededRandom } from "../harness/seeded-random.ts";
import { must, run } from "../harness/shell.ts";

const MIB = 1024 * 1024;
const SEED = Number(process.env["DARNER_E2E_SEED"] ?? Date.now() % 1_000_000_007);
// Three in every run; who wants to be sure asks for more.
const KILLS = Number(process.env["DARNER_KILLS"] ?? 3);
// An image of 24 MiB is on four nodes of a busy machine in about so long.
const JOB_MS = 1500;
// What a warm pull of 64 MiB may take over the registry's link: a few answers without a body, of half a KiB with all headers, and connections.
const WARM_BYTES = 16 * 1024;
// The same registry by another name.
const ALIAS = "other-name.test:5000";
// The same registry by another address, which nobody says is the same.
const [STRANGER_ADDRESS, STRANGER] = ["10.77.0.200", "10.77.0.200:5000"];
// What a registry shows of each blob before bytes that came through another are its own, too (docs/adr/0021-what-a-manifest-proves.md).
const SHOWN_BYTES = 4096;

/** What the command prints of a job. */
type Told = {
  readonly id: number;
  readonly state: string;
  readonly error?: string;
  readonly hosts: readonly { readonly hostName: string; readonly state: string; readonly contents: number }[];
  readonly failures: readonly { readonly hostName: string; readonly description: string }[];
};

let cluster: Cluster;
before(async () => {
  cluster = await Cluster.open({ tag: "heat", nodes: 4, alias: ALIAS, registries: { [STRANGER]: { plainHttp: true } } });
  await must(["ip", "-n", cluster.registry.host.namespace, "addr", "add", `${STRANGER_ADDRESS}/24`, "dev", "eth0"]);
});
after(() => cluster[Symbol.asyncDispose]());

/** An image of three layers for this machine, and in the same index one for another. */
function multiArchitecture(seed: string, layers: readonly number[] = [12, 8, 4]): BuiltImage {
  const plan = (of: string): { bytes: number; seed: string }[] => layers.map((mib) => ({ bytes: mib * MIB, seed: `${of} ${String(mib)}` }));
  const here = buildImage({ layers: plan(`${seed} here`) });
  const there = buildImage({ layers: plan(`${seed} there`) });
  const entry = ({ mediaType, digest, size }: FixtureBlob, platform: object): object => ({ mediaType, digest, size, platform });
  const own = process.arch === "x64" ? "amd64" : process.arch;
  const manifests = [
    entry(here.manifest, { os: "linux", architecture: own }),
    entry(there.manifest, { os: "linux", architecture: "riscv64" }),
  ];
  const text = JSON.stringify({ schemaVersion: 2, mediaType: here.index.mediaType, manifests });
  const index = fixtureBlob(new TextEncoder().encode(text), here.index.mediaType);
  return { ...here, index, layers: [...here.layers, there.manifest, there.config, ...there.layers] };
}

async function darner(...words: string[]): Promise<Told> {
  const { stdout, stderr } = await cluster.operate(...words, "--json");
  assert.ok(stdout.startsWith("{"), `${stdout}${stderr}`);
  return JSON.parse(stdout) as Told;
}

const imageName = (repository: string, tag: string, registry = cluster.registry.name): string => `${registry}/${repository}:${tag}`;

/** Blob requests of any kind since the last mark; probes for who may have what are HEADs. */
function blobGets(): string[] {
  const asked = cluster.registry.requests().filter(({ method, path }) => method === "GET" && path.includes("/blobs/"));
  return asked.map(({ path }) => path);
}

/** Why all nodes together have read the registry so far, in bytes: told where a figure is printed, so that a wrong one explains itself. */
async function causes(): Promise<string> {
  const bytes = new Map<string, number>();
  for (const { darner: node } of cluster.nodes) {
    const { stdout } = await run(["curl", "-sf", "http://127.0.0.1:4105/metrics"], { namespace: node.host.namespace });
    for (const [, cause = "", count] of stdout.matchAll(/^darner_daemon_source_bytes_total\{cause="([^"]+)"\} (\S+)$/gm))
      bytes.set(cause, (bytes.get(cause) ?? 0) + Number(count));
  }
  return [...bytes].flatMap(([cause, count]) => (count === 0 ? [] : [`${cause} ${String(count)}`])).join(", ");
}

async function pullEverywhere(image: string): Promise<void> {
  for (const { containerd } of cluster.nodes) {
    const { ok, stderr } = await containerd.fetch(image);
    assert.ok(ok, stderr);
    await containerd.remove(image);
  }
}

/** What leaves the registry over its link meanwhile: every byte, also of what its own log does not tell (heads, refusals, connections). */
async function sentWhile(happen: () => Promise<void>): Promise<number> {
  const { network, registry } = cluster;
  const before = await network.sentBytes(registry.host);
  await happen();
  return (await network.sentBytes(registry.host)) - before;
}

/** A pull on each node that asks the registry for no blob, and for hardly anything else. */
async function pullWarm(what: string, ...images: readonly string[]): Promise<void> {
  cluster.registry.mark();
  const sent = await sentWhile(async () => {
    for (const each of images) await pullEverywhere(each);
  });
  const pulls = images.length * cluster.nodes.length;
  const asked = cluster.registry.requests().map(({ method, path }) => `${method} ${path.split("/").at(-2) ?? ""}`);
  console.log(`${what}: ${String(sent)} bytes left the registry's link for ${String(pulls)} pulls; it was asked: ${asked.join(", ")}`);
  assert.deepEqual([blobGets(), cluster.registry.fallbacks()], [[], []]);
  assert.ok(sent <= pulls * WARM_BYTES, "whether one may, and what a tag stands for, is all that is asked");
}

const image = multiArchitecture(`heat ${String(SEED)}`, [32, 20, 12]);

test("a preheat brings an image to all four nodes for one copy of what they can run", async () => {
  await cluster.registry.push(image, "team/app", "v1");
  const jobs: Told[] = [];
  const sent = await sentWhile(async () => {
    jobs.push(await darner("preheat", imageName("team/app", "v1"), "--wait"));
  });
  assert.deepEqual(
    jobs.map(({ state, hosts }) => [state, hosts.map((host) => host.state)]),
    [["succeeded", Array.from({ length: 4 }, () => "complete")]],
  );
  const copy = image.index.size + image.totalBytes;
  const [ratio, onTheLink] = [cluster.registry.bodyBytes() / copy, sent / copy];
  console.log(
    `preheat of four nodes: ${ratio.toFixed(4)} × what one node needs left the registry, ${onTheLink.toFixed(4)} × over its link; read because: ${await causes()}`,
  );
  assert.ok(ratio <= 1.02);
  // What the link carries besides: Ethernet, IP, TCP and HTTP.
  assert.ok(onTheLink >= 1 && onTheLink <= 1.1);
  const manifests = cluster.registry.requests().filter(({ method, path }) => method === "GET" && path.includes("/manifests/"));
  assert.equal(manifests.length, 2, "index and manifest, each once for the cluster");
});

test("a pull on each node then asks the registry for no blob, and next to nothing comes over its link", () =>
  pullWarm("same name", imageName("team/app", "v1")));

test("nor under another tag, in another repository, by another name of the registry", async () => {
  await cluster.registry.push(image, "team/app", "v2");
  await cluster.registry.push(image, "other/copy", "v1");
  await pullWarm("other names", imageName("team/app", "v2"), imageName("other/copy", "v1"), imageName("team/app", "v1", ALIAS));
});

test("by a name that nobody said is the same registry each node asks it to show 4 KiB of each layer, once", async () => {
  const name = imageName("team/app", "v1", STRANGER);
  cluster.registry.mark();
  const sent = await sentWhile(() => pullEverywhere(name));
  const shown = cluster.registry.requests().filter(({ method, path }) => method === "GET" && path.includes("/blobs/"));
  const [config, layers] = [
    shown.filter(({ path }) => path.endsWith(image.config.digest)),
    shown.filter(({ bytes }) => bytes === SHOWN_BYTES),
  ];
  console.log(`another registry, as far as anybody knows: ${String(shown.length)} reads of blobs, ${String(sent)} bytes over its link`);
  assert.deepEqual([config.length, layers.length, shown.length], [4, 12, 16], "of the config all, of each layer 4 KiB, on each node");
  assert.ok(sent <= image.totalBytes / 100);
  await pullWarm("the same, again", name);
});

test(`a job goes on after its scheduler was killed at any instant (seed ${String(SEED)})`, async () => {
  const random = seededRandom(SEED);
  const ratios: number[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    const next = multiArchitecture(`kill ${String(kill)} ${String(SEED)}`);
    await cluster.registry.push(next, "team/killed", String(kill));
    const { id } = await darner("preheat", imageName("team/killed", String(kill)));
    const atMs = Math.floor(random() * JOB_MS);
    await sleep(atMs);
    await cluster.killScheduler();
    await cluster.startScheduler();
    const job = await darner("jobs", String(id), "--wait");
    const sent = cluster.registry.bodyBytes();
    const ratio = sent / next.totalBytes;
    console.log(`killed after ${String(atMs)} ms: ${job.state}, ${ratio.toFixed(3)} × the image; read because: ${await causes()}`);
    assert.equal(job.state, "succeeded", JSON.stringify(job));
    ratios.push(ratio);
  }
  const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
  console.log(
    `${String(KILLS)} kills: at most ${Math.max(...ratios).toFixed(4)} × an image left the registry, ${mean.toFixed(4)} × on average`,
  );
  // Where processors are short, a daemon may come back later than the new scheduler waits for those it knows: what it reads is then read once more.
  assert.ok(mean <= 1.1 && ratios.every((ratio) => ratio <= 1.5), ratios.map((ratio) => ratio.toFixed(3)).join());
});

test("a host without room makes the job partial, with a sentence that says what to do; where all hosts are needed it fails", async () => {
  await cluster.addNode("small", { DARNER_STORE_MAX_BYTES: "1MiB" });
  const job = await darner("preheat", imageName("team/app", "v1"), "--wait");
  assert.equal(job.state, "partial");
  assert.deepEqual(
    job.hosts.filter(({ state }) => state === "failed").map(({ hostName }) => hostName),
    ["small"],
  );
  assert.ok(job.failures.every(({ hostName, description }) => hostName === "small" && /store\.maxBytes/.test(description)));
  const strict = await darner("preheat", imageName("team/app", "v1"), "--require-all", "--wait");
  assert.equal(strict.state, "failed");
});
