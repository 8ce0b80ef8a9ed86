import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, parseTask, type Task } from "@darner/domain";
import { noLeaks, openScriptedRegistry, randomBlob } from "@darner/testkit";
import { found, openBackendBench } from "../../test/backend-bench.ts";
import { eventually } from "../../test/eventually.ts";
import { gatedStore } from "../../test/gated-blob.ts";
import { readAll } from "../../test/read-blob.ts";
import { getContent, type GetDeps } from "./get-content.ts";
import type { WantedContent } from "./warm-queue.ts";

noLeaks();

const NAME = "library/app";
const SIZE = 600_000;

/** What one job wants, in this registry's name. */
function wantedFrom(registry: string, task: Task): WantedContent {
  const repository = { registry, name: NAME };
  const wish = { priority: 0, pinMs: 0, repository, authorization: undefined, mayRead: true, losses: 0 };
  const content = { task, kind: "blob", mediaType: "", repository } as const;
  return { content, wishes: new Map([[1, wish]]), failingSince: undefined, tries: 0, registrySaid: undefined };
}

test("a job under another registry's name takes no part in a blob that is proven through the first: it waits until it is in its place", async () => {
  await using foreign = await openScriptedRegistry();
  const gate = Promise.withResolvers<undefined>();
  const markComplete = (): Promise<unknown> => gate.promise;
  await using bench = await openBackendBench({ store: (real) => gatedStore(real, { markComplete }) }, [foreign]);
  const blob = bench.registry.content.pushBlob(NAME, randomBlob("warm", SIZE).bytes);
  const task = parseTask(blob.digest, SIZE);
  assert.ok(task !== undefined);
  const { peers, store } = bench;
  const deps: GetDeps = {
    peers,
    store,
    registryBehind: (name) => name,
    hasOwnCredential: () => false,
    announceComplete: () => assert.fail("nothing came with the order"),
  };
  assert.ok((await readAll(found(await bench.blob(NAME, blob.digest)).blob)).equals(blob.bytes));
  let isOver = false;
  const warmed = getContent(wantedFrom(foreign.host, task), deps, new AbortController().signal).then(() => (isOver = true));
  await eventually(() => bench.peers.count === 1, "the peer that waits for its place on the disk");
  assert.equal(isOver, false);
  gate.resolve(undefined);
  await warmed;
  assert.deepEqual(store.findComplete(digestOf(blob.digest)), task);
  assert.deepEqual(foreign.requests, [], "the foreign registry was asked for nothing");
});

test("a job under another registry's name does not join a blob that its first registry has not proven", async () => {
  await using foreign = await openScriptedRegistry();
  await using bench = await openBackendBench({}, [foreign]);
  const blob = bench.registry.content.pushBlob(NAME, randomBlob("on its way", SIZE).bytes);
  const task = parseTask(blob.digest, SIZE);
  assert.ok(task !== undefined);
  const held = Promise.withResolvers<undefined>();
  bench.registry.fault({ when: { kind: "blob", method: "GET" }, do: { kind: "hold", afterBytes: 300_000, until: held.promise } });
  const { peers, store } = bench;
  const reading = readAll(found(await bench.blob(NAME, blob.digest)).blob);
  await eventually(() => bench.registry.bodyBytes() >= 300_000, "the first bytes");
  const deps: GetDeps = { peers, store, registryBehind: (name) => name, hasOwnCredential: () => false, announceComplete: () => undefined };
  await assert.rejects(getContent(wantedFrom(foreign.host, task), deps, new AbortController().signal), {
    detail: { code: "other-registry", retryAfterMs: 0 },
  });
  held.resolve(undefined);
  assert.ok((await reading).equals(blob.bytes));
  assert.deepEqual(foreign.requests, []);
});
