import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertHolds, LocalNodes } from "../harness/local-nodes.ts";

// The registry asks for user and password itself, so that what containerd shows the second time is what it showed the first time.
const USER = "ada:lovelace";
const STRANGER = "eve:guess";

let nodes: LocalNodes;
before(async () => {
  nodes = await LocalNodes.open({ registry: { access: { scheme: "basic", users: { ada: "lovelace" } } } });
});
after(() => nodes[Symbol.asyncDispose]());

test("while the registry is away containerd is shown its challenge from memory, and the credential that was good before opens what is here", async () => {
  const { image, name } = nodes.push("vault/app");
  const [first] = nodes.nodes;
  const before = await first.containerd.fetch(name, USER);
  assert.ok(before.ok, before.stderr);
  await first.containerd.remove(name);
  const away = nodes.registry.fault({ when: {}, do: { kind: "status", status: 503 } });
  const seen = await nodes.watch(async () => {
    for (const credential of [undefined, STRANGER]) {
      const { ok } = await first.containerd.fetch(name, credential);
      assert.ok(!ok, `${credential ?? "nobody"} gets nothing`);
    }
    const { ok, stderr } = await first.containerd.fetch(name, USER);
    assert.ok(ok, stderr);
    await assertHolds(first, image);
  });
  away.remove();
  assert.ok(seen.requests.length > 0 && seen.requests.every(({ status }) => status === 503), "the registry was away for everybody");
  console.log(`registry away: the pull with the known credential ended well, ${String(seen.requests.length)} requests were answered 503`);
});

test("on a node that never saw the credential, and with a registry that is away, nothing is opened", async () => {
  const { image, name } = nodes.push("vault/other");
  const [first, second] = nodes.nodes;
  const before = await first.containerd.fetch(name, USER);
  assert.ok(before.ok, before.stderr);
  const away = nodes.registry.fault({ when: {}, do: { kind: "status", status: 503 } });
  const { ok } = await second.containerd.fetch(name, USER);
  away.remove();
  assert.ok(!ok);
  const content = await second.containerd.content();
  for (const { digest } of image.layers) assert.ok(!content.has(digest));
});
