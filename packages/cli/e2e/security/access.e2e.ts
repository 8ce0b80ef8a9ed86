import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { BuiltImage } from "@darner/testkit";
import { assertHolds, copyBytes, LocalNodes, partsOf, type LocalNode, type Sighting } from "../harness/local-nodes.ts";

const USER = "ada:lovelace";
const PRIVATE = "vault/app";

let nodes: LocalNodes;
before(async () => {
  const access = { scheme: "bearer", users: { ada: "lovelace" }, privateRepositories: [PRIVATE] } as const;
  nodes = await LocalNodes.open({ registry: { access } });
  nodes.registry.fault({ when: { kind: "blob" }, do: { kind: "redirect", to: "second" } });
});
after(() => nodes[Symbol.asyncDispose]());

/** What the second host must never have seen. */
function assertNoCredentials({ requests }: Sighting): void {
  const second = requests.filter(({ host }) => host === "second");
  assert.ok(second.length > 0, "blobs came from the second host");
  for (const { headers } of second) assert.deepEqual([headers["authorization"], headers["cookie"]], [undefined, undefined]);
}

async function assertHoldsNothing({ name, containerd }: LocalNode, image: BuiltImage): Promise<void> {
  const content = await containerd.content();
  for (const { digest } of partsOf(image)) assert.ok(!content.has(digest), `${digest} is not in the content store of ${name}`);
}

/** What a plain client without a credential is told by a node's mirror. */
async function askAnonymously({ daemon }: LocalNode, path: string): Promise<{ status: number; challenge: string | null }> {
  const response = await fetch(`http://${daemon.addresses.mirror}/v2/${PRIVATE}/${path}?ns=${nodes.registry.host}`);
  await response.arrayBuffer();
  return { status: response.status, challenge: response.headers.get("www-authenticate") };
}

test("case 75: a registry that wants a token gets one for a public image, the storage host it redirects to gets none", async () => {
  const { image, name } = nodes.push("open/app");
  const seen = await nodes.watch(async () => {
    const outcomes = await Promise.all(nodes.nodes.map(({ containerd }) => containerd.fetch(name)));
    for (const { ok, stderr } of outcomes) assert.ok(ok, stderr);
    for (const node of nodes.nodes) await assertHolds(node, image);
  });
  const tokens = seen.requests.filter(({ kind }) => kind === "token");
  console.log(
    `public, with tokens: ${String(tokens.length)} tokens, ${(seen.bodyBytes / copyBytes(image)).toFixed(3)} × the image, ${String(seen.fallbacks.length)} requests past the mirror`,
  );
  assertNoCredentials(seen);
  assert.deepEqual(seen.fallbacks, []);
  assert.ok(seen.bodyBytes <= 1.02 * copyBytes(image));
});

test("a private image comes through the mirror to whom the registry gives it: the relayed challenge makes containerd show its credential", async () => {
  const { image, name } = nodes.push(PRIVATE);
  const [first] = nodes.nodes;
  const seen = await nodes.watch(async () => {
    const { ok, stderr } = await first.containerd.fetch(name, USER);
    assert.ok(ok, stderr);
    await assertHolds(first, image);
  });
  console.log(`private, with the credential: ${(seen.bodyBytes / copyBytes(image)).toFixed(3)} × the image, ${fallbackText(seen)}`);
  assertNoCredentials(seen);
  assert.ok(seen.bodyBytes <= 1.02 * copyBytes(image));
  const content = seen.fallbacks.filter(({ kind }) => kind === "blob" || kind === "manifest");
  assert.deepEqual(content, [], "containerd itself asked the registry for tokens at most");
});

test("case 71: who shows no credential gets nothing of a cached private image, on any node, and the cache is not touched for it", async () => {
  const { image, name } = nodes.push(PRIVATE);
  const [first, second] = nodes.nodes;
  const before = nodes.nodes.map(({ daemon }) => daemon.status().bytes);
  const seen = await nodes.watch(async () => {
    const outcome = await second.containerd.fetch(name);
    assert.ok(!outcome.ok, "a pull without the credential fails");
    await assertHoldsNothing(second, image);
    await first.containerd.remove(name);
    const onTheNodeThatHasIt = await first.containerd.fetch(name);
    assert.ok(!onTheNodeThatHasIt.ok, "also where the image is on the very node");
    await assertHoldsNothing(first, image);
  });
  for (const node of nodes.nodes) {
    for (const path of [
      "manifests/v1",
      ...partsOf(image).map(({ digest, mediaType }) => `${mediaType.includes("layer") ? "blobs" : "manifests"}/${digest}`),
    ]) {
      const { status, challenge } = await askAnonymously(node, path);
      assert.equal(status, 401, path);
      assert.match(challenge ?? "", /^Bearer realm=/);
    }
  }
  const bytes = nodes.nodes.map(({ daemon }) => daemon.status().bytes);
  assert.deepEqual(bytes, before, "no byte came from the registry, from another node or from disk");
  console.log(`private, without the credential: ${String(seen.bodyBytes)} bytes left the registry, ${fallbackText(seen)}, all refused`);
  assert.equal(seen.requests.filter(({ kind, status }) => (kind === "blob" || kind === "manifest") && status < 400).length, 0);
});

test("who shows the credential on another node is asked about at the registry and fed from the first node", async () => {
  const { image, name } = nodes.push(PRIVATE);
  const [, second] = nodes.nodes;
  const seen = await nodes.watch(async () => {
    const { ok, stderr } = await second.containerd.fetch(name, USER);
    assert.ok(ok, stderr);
    await assertHolds(second, image);
  });
  console.log(`private, second node with the credential: ${String(seen.bodyBytes)} body bytes left the registry, ${fallbackText(seen)}`);
  assert.equal(
    seen.requests.filter(({ kind, method }) => kind === "blob" && method === "GET").length,
    0,
    "no blob byte left the registry again",
  );
  assert.ok(
    seen.requests.some(({ kind, method }) => kind === "manifest" && method === "HEAD"),
    "the registry was asked whether it may",
  );
});

function fallbackText({ fallbacks }: Sighting): string {
  const kinds = fallbacks.map(({ method, kind, status }) => `${method} ${kind} ${String(status)}`);
  return `${String(fallbacks.length)} requests past the mirror${kinds.length === 0 ? "" : ` (${[...new Set(kinds)].join(", ")})`}`;
}
