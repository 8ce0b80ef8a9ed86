import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { buildImage, type BuiltImage } from "@darner/testkit";
import { darnerCommand } from "../harness/darner-command.ts";
import { API_TOKEN, HarborCluster, type HarborNode } from "../harness/harbor-cluster.ts";
import { run, until, type Outcome } from "../harness/shell.ts";

// What Harbor cannot say, as a person says it: the command, the API beside it, and the clock.
const MIB = 1024 * 1024;
const TIMED = "team/timed";

/** A job as the API tells it. */
type Told = {
  readonly id: number;
  readonly state: string;
  readonly via: string;
  readonly images: readonly string[];
  readonly hosts: readonly { readonly hostName: string; readonly state: string; readonly bytes: number; readonly bytesHeld: number }[];
};
type Distribution = {
  readonly digest: string;
  readonly contents: readonly { readonly digest: string }[];
  readonly hosts: readonly { readonly hostName: string; readonly holds: readonly string[]; readonly complete: boolean }[];
};

let cluster: HarborCluster;
before(async () => {
  cluster = await HarborCluster.open({
    seeds: 1,
    others: 2,
    own: "",
    daemon: () => ({ DARNER_STORE_MAX_BYTES: "12MiB" }),
    scheduler: ({ registry }) => ({
      DARNER_PREHEAT_SCHEDULES: JSON.stringify([
        { cron: "*/2 * * * * *", images: [`${registry.host}/${TIMED}:v1`], scope: "all_seed_peers" },
      ]),
    }),
  });
});
after(() => cluster[Symbol.asyncDispose]());

function push(repository: string, bytes = MIB): BuiltImage {
  const image = buildImage({ layers: [0, 1].map((at) => ({ bytes: bytes + at, seed: `command ${repository} ${String(at)}` })) });
  cluster.harbor.push(repository, image, "v1");
  return image;
}

const nameOf = (repository: string): string => `${cluster.harbor.registry.host}/${repository}:v1`;

/** The command, as somebody types it on another machine. */
function darner(...words: readonly string[]): Promise<Outcome> {
  return run(darnerCommand(...words, "--api", cluster.endpoint, "--token-file", cluster.tokenFile));
}

async function told(...words: readonly string[]): Promise<Told> {
  const { ok, stdout, stderr } = await darner(...words, "--json");
  assert.ok(ok, stderr);
  return JSON.parse(stdout) as Told;
}

async function distribution(repository: string): Promise<Distribution> {
  const { status, text } = await cluster.ask(`/api/v1/images/${encodeURIComponent(nameOf(repository))}/distribution`);
  assert.equal(status, 200, text);
  return JSON.parse(text) as Distribution;
}

function nodeNamed(name: string): HarborNode {
  return cluster.nodes.find((node) => node.name === name) ?? assert.fail(name);
}

test("a file of images is one job: darner preheat --file waits for all of it, and says of each host how far it is", async () => {
  const [one, two] = [push("team/file-one"), push("team/file-two")];
  const file = join(cluster.dir, "images.txt");
  writeFileSync(file, `# what tomorrow needs\n${nameOf("team/file-one")}\n\n${nameOf("team/file-two")} # the other\n`);
  const { ok, stdout, stderr } = await darner("preheat", "--file", file, "--wait", "--json");
  assert.ok(ok, stderr);
  const job = JSON.parse(stdout) as Told;
  assert.deepEqual([job.state, job.images], ["succeeded", [nameOf("team/file-one"), nameOf("team/file-two")]]);
  for (const { hostName, state, bytes, bytesHeld } of job.hosts)
    assert.deepEqual([hostName, state, bytesHeld], [hostName, "complete", bytes]);
  for (const node of cluster.nodes) for (const image of [one, two]) assert.ok(cluster.holdsAll(node, image), node.name);
  assert.ok(stderr.split("\n").length > 2, `the way there is told: ${stderr}`);
  const missing = await darner("preheat", "--file", join(cluster.dir, "none.txt"));
  assert.ok(!missing.ok && /none\.txt cannot be read/.test(missing.stderr), missing.stderr);
  const unknown = await darner("preheat", nameOf("team/nowhere"), "--wait");
  assert.ok(!unknown.ok && /team\/nowhere:v1: the registry does not have it \(404\)/.test(unknown.stdout + unknown.stderr), unknown.stderr);
});

test("hosts by name: only they hold it, and who asks which host holds what is told so", async () => {
  const image = push("team/named");
  const before = await distribution("team/named");
  assert.deepEqual(
    before.hosts.map(({ holds }) => holds.length),
    [0, 0, 0],
  );
  const job = await told("preheat", nameOf("team/named"), "--scope", "hosts", "--host", "node-1", "--wait");
  assert.deepEqual(
    job.hosts.map(({ hostName, state }) => [hostName, state]),
    [["node-1", "complete"]],
  );
  const { digest, contents, hosts } = await distribution("team/named");
  assert.equal(digest, image.index.digest);
  assert.deepEqual(hosts.map(({ hostName, complete, holds }) => [hostName, complete, holds.length]).toSorted(), [
    ["node-0", false, 0],
    ["node-1", true, contents.length],
    ["seed-0", false, 0],
  ]);
  assert.deepEqual(
    new Set(contents.map((each) => each.digest)),
    new Set([image.index, image.manifest, image.config, ...image.layers].map((each) => each.digest)),
  );
});

test("a job is told of as it goes on, as a stream of events, until it is over", async () => {
  const layer = push("team/told").layers.at(-1);
  assert.ok(layer !== undefined);
  const released = Promise.withResolvers<undefined>();
  const fault = cluster.harbor.registry.fault({
    when: { kind: "blob", path: layer.digest },
    // The registry redirects: it is this answer that waits, not the bytes, which are elsewhere.
    do: { kind: "hold", until: released.promise },
  });
  const { id } = await told("preheat", nameOf("team/told"));
  const answer = await fetch(`${cluster.endpoint}/api/v1/jobs/${String(id)}/events`, { headers: { authorization: `Bearer ${API_TOKEN}` } });
  assert.match(answer.headers.get("content-type") ?? "", /^text\/event-stream/);
  const seen: Told[] = [];
  let text = "";
  for await (const part of answer.body ?? []) {
    text += new TextDecoder().decode(part as Uint8Array);
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    seen.push(
      ...events.flatMap((event) =>
        /^data: (.*)$/m.exec(event)?.[1] === undefined ? [] : [JSON.parse(/^data: (.*)$/m.exec(event)?.[1] ?? "") as Told],
      ),
    );
    // Some of it is there, the last layer waits: only then does the registry go on.
    if (seen.at(-1)?.hosts.some(({ bytesHeld }) => bytesHeld > 0) === true) {
      fault.remove();
      released.resolve(undefined);
    }
  }
  assert.equal(seen.at(-1)?.state, "succeeded");
  const held = seen.map(({ hosts }) => hosts.reduce((sum, { bytesHeld }) => sum + bytesHeld, 0));
  assert.ok(seen.length > 2 && held.every((bytes, at) => bytes >= (held[at - 1] ?? 0)), held.join(" "));
});

test("what is pinned stays when room is needed, what is not goes", async () => {
  const [kept, gone] = [push("team/kept"), push("team/gone")];
  await told("preheat", nameOf("team/kept"), "--pin", "3600", "--scope", "hosts", "--host", "node-0", "--wait");
  await told("preheat", nameOf("team/gone"), "--scope", "hosts", "--host", "node-0", "--wait");
  const node = nodeNamed("node-0");
  assert.ok(cluster.holdsAll(node, kept) && cluster.holdsAll(node, gone));
  for (const at of [1, 2, 3, 4, 5, 6]) {
    push(`team/more-${String(at)}`);
    await told("preheat", nameOf(`team/more-${String(at)}`), "--scope", "hosts", "--host", "node-0", "--wait");
  }
  assert.deepEqual([cluster.holdsAll(node, kept), cluster.holdsAll(node, gone)], [true, false]);
});

test("a list of images is preheated by the clock, and its jobs are listed with the others", async () => {
  const image = push(TIMED);
  await until("the schedule to have warmed its image", async () => {
    const { jobs } = JSON.parse((await cluster.ask("/api/v1/jobs")).text) as { jobs: Told[] };
    return jobs.find(({ via, state }) => via === "schedule" && state === "succeeded");
  });
  for (const node of cluster.nodes) assert.equal(cluster.holdsAll(node, image), node.isSeed, node.name);
});
