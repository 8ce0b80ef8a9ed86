import assert from "node:assert/strict";
import { test } from "node:test";
import type { Task } from "@darner/domain";
import { noLeaks, randomBlob, sha256Of, type FixtureBlob } from "@darner/testkit";
import { eventually } from "../../test/eventually.ts";
import { gatedStore } from "../../test/gated-blob.ts";
import { openPeersBench, type PeersBench } from "../../test/peers-bench.ts";
import { readOut } from "../../test/read-blob.ts";
import { BlobFailure } from "./blob-failure.ts";
import type { ReadableBlob } from "./peer-table.ts";

noLeaks();

const NAME = "library/app";
const taskOf = ({ digest, size }: FixtureBlob): Task => ({ digest, size });

function push(bench: PeersBench, seed: string, bytes: number): FixtureBlob {
  return bench.registry.content.pushBlob(NAME, randomBlob(seed, bytes).bytes);
}

function open(bench: PeersBench, task: Task): Promise<ReadableBlob> {
  const registry = bench.registry.host;
  const source = { repository: { registry, name: NAME }, kind: "blob", authority: { kind: "anonymous" } } as const;
  return bench.peers.open(task, { source, priority: "reader", facts: { registry } });
}

async function readAndClose(readable: ReadableBlob): Promise<Buffer> {
  const { bytes } = await readOut(readable.openStream());
  readable.close();
  return bytes;
}

test("case 56: requests for one blob at once, before its file is there, are one peer", async () => {
  let opened = 0;
  await using bench = await openPeersBench({ store: (real) => gatedStore(real, { openOrCreate: () => Promise.resolve((opened += 1)) }) });
  const blob = push(bench, "twice", 600_000);
  const all = await Promise.all([open(bench, taskOf(blob)), open(bench, taskOf(blob)), open(bench, taskOf(blob))]);
  assert.deepEqual([opened, bench.peers.count], [1, 1]);
  for (const bytes of await Promise.all(all.map(readAndClose))) assert.ok(bytes.equals(blob.bytes));
  assert.equal(bench.registry.bodyBytes(), 600_000);
});

test("case 54: a request that arrives while the proven blob is on its way to its place reads it at once", async () => {
  const gate = Promise.withResolvers<undefined>();
  const isCompleting = Promise.withResolvers<undefined>();
  const markComplete = (): Promise<unknown> => {
    isCompleting.resolve(undefined);
    return gate.promise;
  };
  await using bench = await openPeersBench({ store: (real) => gatedStore(real, { markComplete }) });
  const blob = push(bench, "completing", 600_000);
  const first = readAndClose(await open(bench, taskOf(blob)));
  await isCompleting.promise;
  const late = await open(bench, taskOf(blob));
  assert.ok((await readAndClose(late)).equals(blob.bytes));
  assert.ok((await first).equals(blob.bytes));
  // A scheduler that is found now hears that the blob is proven: nobody tells it later.
  assert.deepEqual(
    bench.peers.holdings().map(({ proven }) => proven),
    [true],
  );
  gate.resolve(undefined);
  await eventually(() => bench.peers.count === 0, "the peer is over");
  assert.equal(bench.registry.requests.length, 1);
});

test("a request whose file comes after the daemon began to close is turned away, and gives the file back", async () => {
  const gate = Promise.withResolvers<undefined>();
  await using bench = await openPeersBench({ store: (real) => gatedStore(real, { openOrCreate: () => gate.promise }) });
  const blob = push(bench, "closing", 1000);
  const opening = open(bench, taskOf(blob));
  bench.peers.close();
  gate.resolve(undefined);
  await assert.rejects(opening, (error) => error instanceof BlobFailure && error.detail.code === "stopping");
  await assert.rejects(open(bench, taskOf(blob)), (error) => error instanceof BlobFailure && error.detail.code === "stopping");
  assert.equal(bench.peers.count, 0);
});

test("there is a bound on blobs on their way, and what is beyond it is told so at once", async () => {
  await using bench = await openPeersBench();
  const taskAt = (at: number): Task => ({ digest: sha256Of(Buffer.from(String(at))), size: 10 });
  const opened = await Promise.all(
    Array.from({ length: 512 }, (_, at) =>
      bench.peers.open(taskAt(at), { source: undefined, priority: "reader", facts: { registry: bench.registry.host } }),
    ),
  );
  await assert.rejects(open(bench, taskAt(512)), (error) => error instanceof BlobFailure && error.detail.code === "busy");
  const joined = await open(bench, taskAt(3));
  for (const readable of [...opened, joined]) readable.close();
});

test("a blob is told to a scheduler that asks for its table; one that is gone is told as dropped", async () => {
  await using bench = await openPeersBench();
  const blob = push(bench, "table", 600_000);
  await readAndClose(await open(bench, taskOf(blob)));
  await eventually(() => bench.store.findComplete(blob.digest) !== undefined, "it is complete");
  bench.peers.onOrder(taskOf(blob), { type: "ask-table" });
  await eventually(
    () => bench.link.reports.some(({ report }) => report.type === "table" && report.hashes.length === 3),
    "the table is told",
  );
  bench.peers.onOrder({ digest: blob.digest, size: 1 }, { type: "ask-table" });
  await eventually(() => bench.link.droppedTasks.length === 1, "what is not here is told as dropped");
});

test("what is here is announced, whole or in part, and a blob without bytes is not", async () => {
  await using bench = await openPeersBench();
  const blob = push(bench, "whole", 600_000);
  await readAndClose(await open(bench, taskOf(blob)));
  await eventually(() => bench.store.findComplete(blob.digest) !== undefined, "it is complete");
  await bench.store.put({ digest: sha256Of(new Uint8Array()), size: 0 }, new Uint8Array(), {});
  (await bench.store.openOrCreate({ digest: blob.digest, size: 12 }, {}))[Symbol.dispose]();
  assert.deepEqual(
    bench.peers.holdings().map(({ task, proven, registry }) => [task, proven, registry]),
    [[taskOf(blob), true, bench.registry.host]],
  );
});
