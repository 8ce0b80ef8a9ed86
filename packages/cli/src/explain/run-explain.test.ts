import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { BlobExplanation } from "@darner/daemon";
import { buildImage, randomBlob } from "@darner/testkit";
import { runHere, type Ran } from "../../test/run-here.ts";
import { openSmallCluster, type SmallCluster } from "../../test/small-cluster.ts";

const blob = randomBlob("explain", 1_500_000);
let cluster: SmallCluster;

before(async () => {
  cluster = await openSmallCluster();
});
after(async () => {
  await cluster[Symbol.asyncDispose]();
});

const target = (digest: string): string => `${cluster.registry.host}/team/app@${digest}`;

async function get(at: 0 | 1, digest: string): Promise<void> {
  const got = await runHere(["get", target(digest), "-o", join(cluster.dir.path, "out"), "--mirror", cluster.daemons[at].addresses.mirror]);
  assert.equal(got.code, 0, got.err);
}

function explain(at: 0 | 1, ...words: string[]): Promise<Ran> {
  const { admin, mirror } = cluster.daemons[at].addresses;
  return runHere(["explain", ...words, "--admin", admin, "--mirror", mirror]);
}

test("explain tells of a blob which pieces came from where, when, and why the source was read", async () => {
  cluster.registry.content.pushBlob("team/app", blob.bytes);
  await get(0, blob.digest);
  await get(1, blob.digest);
  const first = await explain(0, blob.digest);
  assert.equal(first.code, 0, first.err);
  assert.match(first.out, new RegExp(`^blob ${blob.digest}$`, "m"));
  assert.match(first.out, /^ {2}1\.4 MiB, held whole by this host \(one\)/m);
  assert.match(first.out, /^ {2}fetched .+ through 127\.0\.0\.1:\d+, .+: complete and proven$/m);
  assert.match(first.out, /^ {4}source +6 {2,}1\.4 MiB +\d+ +[·█]{24} {2}pieces 0-5$/m);
  assert.match(first.out, /^ {2}why the source was read$/m);
  assert.match(first.out, /s {2}pieces? 0.*: the scheduler granted this stripe; done after \d/);
  const second = await explain(1, blob.digest);
  assert.match(second.out, new RegExp(`^ {4}…${cluster.daemons[0].host.slice(-8)} +127\\.0\\.0\\.1:\\d+ +6 .*pieces 0-5$`, "m"));
  assert.doesNotMatch(second.out, /why the source was read/);
  // Until it is at its place on disk the blob is read from the peer that fetched it.
  while (cluster.daemons[1].status().peers.length > 0) await new Promise(setImmediate);
  await get(1, blob.digest);
  const { blobs } = JSON.parse((await explain(1, blob.digest, "--json")).out) as { blobs: { explanation: BlobExplanation }[] };
  const explanation = blobs[0]?.explanation;
  assert.deepEqual([explanation?.readsFromDisk, explanation?.accounts.length, explanation?.host], [1, 1, cluster.daemons[1].host]);
  const account = explanation?.accounts[0];
  assert.deepEqual(
    account?.origins.map(({ from, pieces, runs }) => [from, pieces, runs]),
    [[cluster.daemons[0].host, 6, [{ first: 0, stride: 1, count: 6 }]]],
  );
  assert.ok(account.ms.total >= (account.ms.lastPiece ?? NaN) && (account.ms.proof ?? -1) >= 0);
});

test("the scheduler tells besides what the swarm holds and who feeds whom, also of what this host does not have", async () => {
  const { url, tokenFile } = cluster.api;
  const { code, out, err } = await explain(0, blob.digest, "--api", url, "--token-file", tokenFile);
  assert.equal(code, 0, err);
  assert.match(out, /^ {2}1\.4 MiB, held whole by this host/m);
  assert.match(
    out,
    /^ {2}in the swarm, as the scheduler knows it \(1\.4 MiB in 6 pieces\): 2 hold some of it, 2 all of it, 0 wait for more/m,
  );
  assert.match(out, new RegExp(`^ {4}one \\(…${cluster.daemons[0].host.slice(-8)}\\) {2}6 pieces, proven$`, "m"));
  const unknown = await explain(0, `sha256:${"0".repeat(64)}`, "--api", url, "--token-file", tokenFile);
  assert.equal(unknown.code, 1);
  assert.match(unknown.out, /not held by this host.+\n {2}the scheduler knows of no host that holds it or wants it$/m);
  const wrong = await explain(0, blob.digest, "--api", "http://127.0.0.1:1", "--token-file", tokenFile);
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /no scheduler answers at http:\/\/127\.0\.0\.1:1/);
});

test("a blob on its way is explained as it stands, and one that waits tells for how long", async () => {
  const slow = randomBlob("explain, slow", 1_000_000);
  cluster.registry.content.pushBlob("team/app", slow.bytes);
  const hold = Promise.withResolvers<undefined>();
  cluster.registry.fault({ when: { method: "GET" }, do: { kind: "hold", until: hold.promise } });
  const getting = get(0, slow.digest);
  let { out } = await explain(0, slow.digest);
  while (!out.includes("under way")) ({ out } = await explain(0, slow.digest));
  assert.match(out, /: on its way$/m);
  assert.match(out, /0 of 4 pieces held/);
  assert.match(out, /last after –, proof – later; once read, readers stood still for \d/);
  hold.resolve(undefined);
  await getting;
  const done = await explain(0, slow.digest);
  assert.match(done.out, /^ {2}longest waits of a reader$/m);
  assert.match(done.out, /^ +\d+\.\d+ s {2}\d+\.\d+ s for piece 0, which came from source$/m);
});

test("of an image its manifest, configuration and layers are explained", async () => {
  const image = buildImage({
    layers: [
      { bytes: 300_000, seed: "explain a" },
      { bytes: 5000, seed: "explain b" },
    ],
  });
  cluster.registry.content.push("team/image", image, "v1");
  const name = `${cluster.registry.host}/team/image:v1`;
  const before = await explain(0, name);
  assert.match(before.out, /^layer sha256:\w+\n {2}not held by this host, and not asked for/m);
  const pulled = await runHere(["pull", name, "--mirror", cluster.daemons[0].addresses.mirror]);
  assert.equal(pulled.code, 0, pulled.err);
  const { code, out, err } = await explain(0, name);
  assert.equal(err, "");
  assert.equal(code, 0, out);
  assert.match(out, /^manifest sha256:/m);
  assert.match(out, /^config sha256:/m);
  assert.equal(out.match(/^layer sha256:/gm)?.length, 2);
  for (const { digest } of [image.config, ...image.layers])
    assert.match(out, new RegExp(`${digest}\\n.+\\n {2}fetched .+: complete and proven$`, "m"));
});

test("what is not known, no daemon, and wrong words say what to do", async () => {
  const unknown = await explain(0, `sha256:${"0".repeat(64)}`);
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /this host does not hold sha256:0+, and nobody asked it for it since it started\. Pull it here first/);
  const nobody = await runHere(["explain", blob.digest, "--admin", "127.0.0.1:1"]);
  assert.equal(nobody.code, 1);
  assert.match(nobody.err, /no daemon answers at 127\.0\.0\.1:1: .+ Is it running/);
  const noImage = await explain(0, `${cluster.registry.host}/team/none:v9`);
  assert.equal(noImage.code, 1);
  assert.match(noImage.err, /the mirror answered 404/);
  for (const wrong of [[], ["a", "b"], ["sha256:abc"], ["UPPER/case"]]) assert.equal((await explain(0, ...wrong)).code, 2);
});
