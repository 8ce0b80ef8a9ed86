import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, type Repository, type Task } from "@darner/domain";
import type { BlobReader, OpenBlob } from "@darner/mirror";
import { openRegistryClient } from "@darner/registry-client";
import { createRegistry, silentLog } from "@darner/runtime";
import { noLeaks, openScriptedRegistry, randomBlob, type FixtureBlob, type ScriptedRegistry } from "@darner/testkit";
import { Books } from "../books.ts";
import { createDaemonMetrics } from "../metrics.ts";
import { ReadBuffers } from "../peers/read-buffers.ts";
import { openMemoryStore } from "../store/memory-store.ts";
import type { BlobStore } from "../store/store.ts";
import { Spools } from "./spools.ts";

noLeaks();

const MIB = 1024 * 1024;

type Bench = AsyncDisposable & {
  readonly registry: ScriptedRegistry;
  readonly store: BlobStore;
  readonly spools: Spools;
  readonly announced: Task[];
  readonly poisoned: string[];
  readonly repository: Repository;
};

/** A registry that tells no size, and spools that read from it into a store in memory. */
async function openBench(): Promise<Bench> {
  await using births = new AsyncDisposableStack();
  const registry = births.use(await openScriptedRegistry());
  registry.fault({ when: { kind: "blob" }, do: { kind: "chunked" } });
  const client = openRegistryClient({ registries: { [registry.host]: { plainHttp: true } } }, { log: silentLog });
  births.defer(() => client.close());
  const store = births.use(openMemoryStore({ maxBytes: 64 * MIB, minFreeBytes: 0 }, { log: silentLog }));
  const metrics = createDaemonMetrics(createRegistry());
  const announced: Task[] = [];
  const poisoned: string[] = [];
  const announceComplete = (task: Task): void => void announced.push(task);
  const books = new Books(metrics);
  const spools = births.use(
    new Spools({
      registry: client,
      registryBehind: (name) => name,
      store,
      log: silentLog,
      metrics,
      books,
      poisoned: (digest) => void poisoned.push(digest),
      buffers: new ReadBuffers(),
      announceComplete,
    }),
  );
  const lives = births.move();
  return {
    registry,
    store,
    spools,
    announced,
    poisoned,
    repository: { registry: registry.host, name: "a/b" },
    [Symbol.asyncDispose]: () => lives.disposeAsync(),
  };
}

function push({ registry, repository }: Bench, blob: FixtureBlob): FixtureBlob {
  return registry.content.pushBlob(repository.name, blob.bytes);
}

const openSpool = ({ spools, repository }: Bench, { digest }: { digest: string }): OpenBlob =>
  spools.open({ repository, digest: digestOf(digest), authority: { kind: "anonymous" } });

/** Reads on to the end. */
async function drain(reader: BlobReader): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let lent = await reader.read(); lent !== undefined; lent = await reader.read()) {
    parts.push(Buffer.from(lent.bytes));
    lent.release();
  }
  return Buffer.concat(parts);
}

test("a blob of unknown size reaches its readers to the last byte, however slow they are, and is announced with its size", async () => {
  await using bench = await openBench();
  const blob = push(bench, randomBlob("spool", 3 * MIB + 17));
  const [fast, slow] = [openSpool(bench, blob), openSpool(bench, blob)];
  const slowReader = slow.read();
  const began = await slowReader.read();
  assert.ok(began !== undefined);
  const head = Buffer.from(began.bytes);
  began.release();
  assert.ok((await drain(fast.read())).equals(blob.bytes));
  fast.close();
  // The spool is a blob of the store by now; the slow reader goes on with it.
  assert.deepEqual(bench.announced, [{ digest: blob.digest, size: blob.size }]);
  assert.deepEqual(bench.store.findComplete(blob.digest), { digest: blob.digest, size: blob.size });
  assert.ok(Buffer.concat([head, await drain(slowReader)]).equals(blob.bytes));
  slow.close();
  assert.equal(bench.registry.requests.length, 1, "both readers shared one stream");
});

test("a blob of unknown size with wrong bytes ends before its last byte and is kept for nobody", async () => {
  await using bench = await openBench();
  const blob = push(bench, randomBlob("wrong", MIB));
  bench.registry.fault({ when: { kind: "blob" }, do: { kind: "corrupt", offset: 1000 } });
  const opened = openSpool(bench, blob);
  const reader = opened.read();
  let bytes = 0;
  await assert.rejects(
    async () => {
      for (let lent = await reader.read(); lent !== undefined; lent = await reader.read()) {
        bytes += lent.bytes.length;
        lent.release();
      }
    },
    { detail: { code: "wrong-bytes", retryAfterMs: 0 } },
  );
  opened.close();
  assert.ok(bytes < blob.size);
  assert.deepEqual([bench.store.findComplete(blob.digest), bench.announced, bench.poisoned], [undefined, [], [blob.digest]]);
});

test("a stream of unknown size that nobody reads any more is given up", async () => {
  await using bench = await openBench();
  const blob = push(bench, randomBlob("left", MIB));
  const { promise, resolve } = Promise.withResolvers<undefined>();
  bench.registry.fault({ when: { kind: "blob" }, times: 1, do: { kind: "hold", afterBytes: 500_000, until: promise } });
  const opened = openSpool(bench, blob);
  assert.equal(await opened.ready(), undefined);
  opened.close();
  const again = openSpool(bench, blob);
  resolve(undefined);
  const read = await drain(again.read()).catch((error: unknown) => error);
  again.close();
  // Whoever came at the very moment it was given up is told so, and whoever comes later gets all of it.
  if (!(read instanceof Buffer)) assert.ok(read instanceof Error);
  const later = openSpool(bench, blob);
  assert.ok((await drain(later.read())).equals(blob.bytes));
  later.close();
});
