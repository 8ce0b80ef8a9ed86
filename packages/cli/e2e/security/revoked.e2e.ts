import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertHolds, LocalNodes } from "../harness/local-nodes.ts";
import { until } from "../harness/shell.ts";

// What AlwaysPullImages and the kubelet's checks of pull secrets rely on: an image that is on the node is pulled again, and the registry says
// whether this secret still may. Rights are remembered for a second here, for minutes by default.
const ADA = "ada:lovelace";
const BOB = "bob:builder";
const NAME = "vault/checked";
// More than a person types, and what a kubelet in its back-off asks in a minute.
const KNOCKS = 40;

// Changed while the registry runs, as an administrator does.
const users: Record<string, string> = { ada: "lovelace", bob: "builder" };
let nodes: LocalNodes;
before(async () => {
  nodes = await LocalNodes.open({ registry: { access: { scheme: "basic", users } }, config: { access: { grantSeconds: 1 } } });
});
after(() => nodes[Symbol.asyncDispose]());

/** One plain question to a node's mirror, as containerd asks it. */
async function ask(user: string): Promise<number> {
  const [{ daemon }] = nodes.nodes;
  const headers = { authorization: `Basic ${Buffer.from(user).toString("base64")}` };
  const answer = await fetch(`http://${daemon.addresses.mirror}/v2/${NAME}/manifests/v1?ns=${nodes.registry.host}`, {
    method: "HEAD",
    headers,
  });
  return answer.status;
}

test("an image that is on the node is pulled again by who may, for one question to the registry and no byte of a blob; by whose secret was taken back it is not", async () => {
  const { image, name } = nodes.push(NAME);
  const [{ containerd }] = nodes.nodes;
  for (const user of [ADA, BOB]) {
    const seen = await nodes.watch(async () => {
      const { ok, stderr } = await containerd.fetch(name, user);
      assert.ok(ok, stderr);
      await assertHolds(nodes.nodes[0], image);
      await containerd.remove(name);
    });
    const blobs = seen.requests.filter(({ kind, method }) => kind === "blob" && method === "GET");
    if (user === BOB) assert.deepEqual(blobs, [], "the second one comes from the node, after the registry was asked");
    assert.ok(seen.requests.some(({ kind, method, status }) => kind === "manifest" && method === "HEAD" && status === 200));
  }
  delete users["ada"];
  await until("what was allowed to be over", async () => ((await ask(ADA)) === 401 ? true : undefined));
  const refused = await containerd.fetch(name, ADA);
  assert.ok(!refused.ok, "the image is here whole, and the registry's no is the answer");
  const content = await containerd.content();
  for (const { digest } of [image.manifest, ...image.layers]) assert.ok(!content.has(digest), digest);
  const allowed = await containerd.fetch(name, BOB);
  assert.ok(allowed.ok, "whoever may is not held up by it");
});

test("a no is remembered for seconds: who knocks again and again costs the registry hardly a question, and who is let in again comes in soon", async () => {
  const seen = await nodes.watch(async () => {
    for (let knock = 0; knock < KNOCKS; knock += 1) assert.equal(await ask(ADA), 401);
  });
  console.log(`${String(KNOCKS)} requests with a secret that was taken back: ${String(seen.requests.length)} reached the registry`);
  assert.ok(seen.requests.length < KNOCKS / 4);
  users["ada"] = "lovelace";
  const since = performance.now();
  await until("ada to be let in again", async () => ((await ask(ADA)) === 200 ? true : undefined));
  console.log(`let in again after ${((performance.now() - since) / 1000).toFixed(1)} s`);
});
