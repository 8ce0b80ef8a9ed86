import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { BuiltImage, FaultAction, RequestMatcher } from "@darner/testkit";
import { openSocketNode, pullAroundHealing } from "./harness/healed-registry.ts";
import { assertHolds, copyBytes, LocalNodes, type Sighting } from "./harness/local-nodes.ts";
import { until } from "./harness/shell.ts";

const PIECE_BYTES = 256 * 1024;
// Whom Darner does not ask about this blob any more, containerd asks itself: but only after the mirror gave up.
const HEALED_MS = 120_000;
const BLOB_GET: RequestMatcher = { kind: "blob", method: "GET" };

let nodes: LocalNodes;
before(async () => {
  nodes = await LocalNodes.open();
});
after(() => nodes[Symbol.asyncDispose]());

/** Both nodes pull at once and must end well, with the right bytes. */
async function pullEverywhere(name: string, image: BuiltImage): Promise<void> {
  const outcomes = await Promise.all(nodes.nodes.map(({ containerd }) => containerd.fetch(name)));
  for (const [at, { ok, stderr }] of outcomes.entries()) assert.ok(ok, `${String(nodes.nodes[at]?.name)}: ${stderr}`);
  for (const node of nodes.nodes) await assertHolds(node, image);
}

/** Both nodes pull a fresh image while the registry misbehaves; gives what the registry saw. */
async function pullThrough(
  what: string,
  fault: { when: RequestMatcher; times?: number; do: FaultAction }[],
): Promise<Sighting & { readonly ratio: number; readonly struck: number }> {
  const { image, name } = nodes.push(`faults/${what.replaceAll(/[^a-z0-9]+/g, "-")}`);
  const scripted = fault.map((one) => nodes.registry.fault(one));
  const startedAt = performance.now();
  const seen = await nodes.watch(() => pullEverywhere(name, image));
  const struck = scripted.reduce((sum, one) => sum + one.struck, 0);
  const ratio = seen.bodyBytes / copyBytes(image);
  nodes.registry.clearFaults();
  report(what, { ...seen, ratio, struck }, performance.now() - startedAt);
  assert.ok(struck > 0, "the fault struck");
  return { ...seen, ratio, struck };
}

function report(
  what: string,
  { fallbacks, ratio, struck, requests }: Sighting & { readonly ratio: number; readonly struck: number },
  ms: number,
): void {
  const numbers = `the fault struck ${String(struck)} of ${String(requests.length)} requests, ${ratio.toFixed(3)} × the image left the registry`;
  console.log(`${what}: ${numbers}, ${String(fallbacks.length)} requests past the mirror, ${(ms / 1000).toFixed(1)} s`);
}

test("case 52: a registry that cuts bodies again and again costs nobody a fall-back and hardly a byte", async () => {
  const seen = await pullThrough("cut bodies", [{ when: BLOB_GET, times: 8, do: { kind: "cut", afterBytes: 150_000 } }]);
  assert.ok(seen.struck >= 4, `${String(seen.struck)} bodies were cut`);
  assert.deepEqual(seen.fallbacks, []);
  assert.ok(seen.ratio <= 1.05);
});

test("case 51: a registry that ignores Range is read by one stream, not by one a stripe", async () => {
  const seen = await pullThrough("ranges ignored", [{ when: BLOB_GET, do: { kind: "ignore-range" } }]);
  assert.deepEqual(seen.fallbacks, []);
  // The whole answers that were turned down had filled the sockets' buffers, which on loopback hold megabytes; a stripe each would be some twenty.
  assert.ok(seen.struck <= 24, `${String(seen.struck)} blob requests for config and three layers`);
  assert.ok(seen.ratio <= 6);
});

test("case 68: a registry that answers three seconds late is waited for", async () => {
  const seen = await pullThrough("late answers", [{ when: BLOB_GET, do: { kind: "delay", ms: 3000 } }]);
  assert.deepEqual(seen.fallbacks, []);
  // Three seconds are more than a reader waits before a piece is asked for twice: a few hedges of 256 KiB each.
  assert.ok(seen.ratio <= 1.25);
});

test("case 24: a registry that refuses HEAD with 405 is asked with GET", async () => {
  const seen = await pullThrough("head refused with 405", [{ when: { method: "HEAD" }, do: { kind: "status", status: 405 } }]);
  assert.deepEqual(seen.fallbacks, []);
  assert.ok(seen.ratio <= 1.02);
});

test("case 81: a registry that says 401 to every HEAD and gives everything to GET is public all the same", async () => {
  const seen = await pullThrough("head refused with 401", [{ when: { method: "HEAD" }, do: { kind: "status", status: 401 } }]);
  assert.deepEqual(seen.fallbacks, []);
  assert.ok(seen.ratio <= 1.02);
});

test("case 75: a registry that redirects blobs is followed, and the second host never sees an Authorization header", async () => {
  const seen = await pullThrough("redirected blobs", [{ when: { kind: "blob" }, do: { kind: "redirect", to: "second" } }]);
  const second = seen.requests.filter(({ host }) => host === "second");
  assert.ok(second.length >= 4, "the second host was asked for config and layers");
  for (const { headers } of second) assert.deepEqual([headers["authorization"], headers["cookie"]], [undefined, undefined]);
  assert.deepEqual(seen.fallbacks, []);
  assert.ok(seen.ratio <= 1.02);
});

test("a registry that sends bodies without a length is read all the same", async () => {
  const seen = await pullThrough("chunked bodies", [{ when: { kind: "blob" }, do: { kind: "chunked" } }]);
  assert.deepEqual(seen.fallbacks, []);
  assert.ok(seen.ratio <= 1.02);
});

test("a blob whose size nobody tells is spooled, announced and then taken from the host that has it", async () => {
  const { image, name } = nodes.push("faults/unknown-size");
  const [layer] = image.layers;
  assert.ok(layer !== undefined);
  nodes.registry.fault({ when: { kind: "blob" }, do: { kind: "chunked" } });
  nodes.registry.fault({ when: BLOB_GET, do: { kind: "ignore-range" } });
  const [first, second] = nodes.nodes;
  // Straight for the layer, before any manifest named it: the only case in which nothing tells its size.
  const response = await fetch(
    `http://${first.daemon.addresses.mirror}/v2/faults/unknown-size/blobs/${layer.digest}?ns=${nodes.registry.host}`,
  );
  assert.deepEqual([response.status, response.headers.get("content-length")], [200, null]);
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(layer.bytes));
  const seen = await nodes.watch(async () => {
    const { ok, stderr } = await second.containerd.fetch(name);
    assert.ok(ok, stderr);
    await assertHolds(second, image);
  });
  nodes.registry.clearFaults();
  const again = seen.requests.filter(({ method, path }) => method === "GET" && path.includes(layer.digest));
  console.log(
    `unknown size: the second node asked the registry ${String(again.length)} times for the spooled layer, ${String(seen.fallbacks.length)} requests past the mirror`,
  );
  assert.deepEqual(again, [], "the second node took the layer from the first");
  assert.deepEqual(seen.fallbacks, []);
});

test("case 78: while the registry says 429 it is left alone, clients see no 429, and all end well after the pause", async () => {
  const { image, name } = nodes.push("faults/too-many");
  const fault = nodes.registry.fault({ when: BLOB_GET, do: { kind: "status", status: 429, headers: { "retry-after": "2" } } });
  const statuses: number[] = [];
  const pause = setTimeout(() => {
    fault.remove();
  }, 2000);
  const seen = await nodes.watch(async () => {
    const asked = askEverywhere(image, "faults/too-many", statuses);
    await pullEverywhere(name, image);
    await asked;
  });
  clearTimeout(pause);
  const refused = seen.requests.filter(({ status }) => status === 429);
  const own = refused.filter(({ userAgent }) => userAgent === "darner");
  const counted = `${String(own.length)} requests of Darner's and ${String(refused.length - own.length)} of containerd's got a 429, the mirror answered ${statuses.join(", ")}`;
  console.log(`429 for two seconds: ${counted}; ${String(seen.fallbacks.length)} requests past the mirror`);
  assert.ok(own.length > 0, "the fault struck");
  // Each node has its own memory of the pause, and both may have had requests on their way for config and three layers.
  assert.ok(own.length <= 8);
  assert.ok(statuses.every((status) => status === 200 || status === 503));
});

/** Plain clients ask both mirrors for every blob while the pull runs, and note what they are told. */
async function askEverywhere(image: BuiltImage, repository: string, statuses: number[]): Promise<void> {
  const urls = nodes.nodes.flatMap(({ daemon }) =>
    image.layers.map(({ digest }) => `http://${daemon.addresses.mirror}/v2/${repository}/blobs/${digest}?ns=${nodes.registry.host}`),
  );
  await Promise.all(
    urls.map(async (url) => {
      const response = await fetch(url);
      statuses.push(response.status);
      await response.arrayBuffer();
    }),
  );
}

test("case 53: one byte wrong once: nothing wrong is ever committed, and a pull by a node whose ingest is clean ends well", async () => {
  const { image, name } = nodes.push("faults/wrong-once");
  const [layer] = image.layers;
  assert.ok(layer !== undefined);
  // Whichever run of pieces is asked for first: one byte of each of its pieces is wrong, this one time.
  const offsets = Array.from({ length: layer.size / PIECE_BYTES }, (_, piece) => piece * PIECE_BYTES + 1000);
  const faults = offsets.map((offset) =>
    nodes.registry.fault({ when: { ...BLOB_GET, path: layer.digest }, times: 1, do: { kind: "corrupt", offset } }),
  );
  const [first, second] = nodes.nodes;
  const outcome = await first.containerd.fetch(name);
  assert.ok(faults.some(({ struck }) => struck === 1));
  // A piece that was read twice ends the pull before all others were read; what they would do to the next one is another test.
  for (const fault of faults) fault.remove();
  await nodes.assertNothingWrong();
  // What containerd had written before the proof failed stays in its ingest, and no resume can save that pull (design.md, 4).
  console.log(`one byte wrong once: the pull that met it ${outcome.ok ? "ended well" : `failed: ${lastLine(outcome.stderr)}`}`);
  const seen = await nodes.watch(async () => {
    const other = await second.containerd.fetch(name);
    assert.ok(other.ok, other.stderr);
    await assertHolds(second, image);
  });
  assert.deepEqual(seen.fallbacks, []);
  await first.containerd.forgetIngests();
  const again = await first.containerd.fetch(name);
  assert.ok(again.ok, again.stderr);
  await assertHolds(first, image);
  await nodes.assertNothingWrong();
});

test("case 53: one byte always wrong: no store takes the blob, every pull fails honestly, and everything else is pulled as before", async () => {
  const { image, name } = nodes.push("faults/wrong-always");
  const [, layer] = image.layers;
  assert.ok(layer !== undefined);
  const fault = nodes.registry.fault({ when: { ...BLOB_GET, path: layer.digest }, do: { kind: "corrupt", offset: 1000 } });
  const seen = await nodes.watch(async () => {
    for (const { containerd } of nodes.nodes) {
      const outcome = await containerd.fetch(name);
      assert.ok(!outcome.ok, "a blob with wrong bytes is no success");
      assert.ok(!(await containerd.content()).has(layer.digest));
    }
  });
  await nodes.assertNothingWrong();
  const bytes = seen.requests.filter(({ path }) => path.includes(layer.digest)).reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
  console.log(
    `one byte always wrong: the layer left the registry ${(bytes / layer.size).toFixed(2)} times, ${String(seen.fallbacks.length)} requests past the mirror`,
  );
  // Two nodes, each a containerd that asks the registry itself after Darner, and Darner's own attempts to find who lied.
  assert.ok(bytes <= 24 * layer.size, "nobody reads a wrong blob for ever");
  fault.remove();
  const other = nodes.push("faults/after-wrong");
  await pullEverywhere(other.name, other.image);
  for (const { containerd } of nodes.nodes) await containerd.forgetIngests();
  // The registry is right again: so is everybody, sooner or later.
  const isPulled = async (): Promise<true | undefined> => {
    // What a pull wrote that still met a wrong byte would spoil all that follow.
    await nodes.nodes[1].containerd.forgetIngests();
    return (await nodes.nodes[1].containerd.fetch(name)).ok ? true : undefined;
  };
  await until("the once wrong image to be pulled", isPulled, HEALED_MS);
  await assertHolds(nodes.nodes[1], image);
});

test("where containerd's socket is not known, wrong bytes that it wrote make the next pull fail, too, until the ingest is removed", async () => {
  await using node = await openSocketNode(false);
  const { image, name, next, aborted } = await pullAroundHealing(node, Infinity);
  assert.ok(!next.ok, "containerd goes on with what it wrote");
  assert.match(next.stderr, /unexpected commit digest/);
  assert.equal(aborted, 0);
  await node.containerd.forgetIngests();
  const last = await node.containerd.fetch(name);
  assert.ok(last.ok, last.stderr);
  await assertHolds(node, image);
});

for (const [often, times] of [
  ["only once", 1],
  ["until the registry was healed", Infinity],
] as const)
  test(`where containerd's socket is known, a byte that was wrong ${often} spoils only the pull that met it`, async () => {
    await using node = await openSocketNode(true);
    const { image, next, aborted } = await pullAroundHealing(node, times);
    assert.ok(next.ok, next.stderr);
    assert.ok(aborted >= 1);
    await assertHolds(node, image);
  });

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
