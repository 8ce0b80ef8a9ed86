import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { FixtureBlob } from "@darner/testkit";
import { HostileCluster, REPOSITORY } from "./hostile/hostile-cluster.ts";

const BYTES = 16 * 1024 * 1024;
// Daemons that have the blob through the honest registry, and one that has nothing of it.
const HOLDERS = [0, 1];
const STRANGER = 2;

let cluster: HostileCluster;
before(async () => {
  cluster = await HostileCluster.open(3);
});
after(() => cluster[Symbol.asyncDispose]());

/** A blob that two hosts have pulled through the honest registry, and of which the other one says that it has it, too. */
async function pulledBlob(seed: string): Promise<FixtureBlob> {
  const blob = cluster.push(seed, BYTES);
  for (const { right } of await Promise.all(HOLDERS.map((at) => cluster.pull(at, blob)))) assert.ok(right);
  cluster.evil.content.pushBlob(REPOSITORY, blob.bytes);
  return blob;
}

const getsOf = (blob: FixtureBlob): number =>
  cluster.evil.requests.filter(({ method, path }) => method === "GET" && path.endsWith(blob.digest)).length;

for (const [how, lie] of [
  ["has nothing but the digest", { kind: "status", status: 404 }],
  ["sends a page of its own", { kind: "html" }],
] as const) {
  test(`a registry that says yes to HEAD and ${how} is given nothing, by the host that has the blob or by the swarm`, async () => {
    const blob = await pulledBlob(`lying registry ${how}`);
    const fault = cluster.evil.fault({ when: { kind: "blob", method: "GET" }, do: lie });
    for (const at of [...HOLDERS, STRANGER]) {
      const pulled = await cluster.pull(at, blob, cluster.evil.host);
      console.log(`  ${how}: daemon ${String(at)} ${JSON.stringify(pulled)}, ${String(getsOf(blob))} GETs`);
      assert.ok(!pulled.right && pulled.bytes < 1000, JSON.stringify(pulled));
    }
    fault.remove();
    assert.ok((await cluster.pull(0, blob)).right, "the honest name goes on");
  });
}

test("an honest second registry shows 4 KiB on a host that has the blob, and the frontier of the blob where nobody has it through it", async () => {
  const blob = await pulledBlob("two honest registries");
  const before = cluster.evil.bodyBytes();
  for (const _time of [1, 2]) assert.ok((await cluster.pull(0, blob, cluster.evil.host)).right);
  assert.deepEqual([getsOf(blob), cluster.evil.bodyBytes() - before], [1, 4096]);
  assert.ok((await cluster.pull(STRANGER, blob, cluster.evil.host)).right);
  const sent = cluster.evil.bodyBytes() - before;
  console.log(`  two honest registries: ${String(getsOf(blob))} GETs, ${(sent / BYTES).toFixed(3)} of the blob from the second`);
  assert.ok(sent < BYTES / 2);
});
