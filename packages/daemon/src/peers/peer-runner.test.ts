import assert from "node:assert/strict";
import { test } from "node:test";
import { hostIdOf, pieceCount, pieceRange, type Task } from "@darner/domain";
import { silentLog } from "@darner/runtime";
import { noLeaks, randomBlob, type FixtureBlob } from "@darner/testkit";
import { eventually, whileTimePasses } from "../../test/eventually.ts";
import { gatedStore } from "../../test/gated-blob.ts";
import { openPeersBench, type PeersBench } from "../../test/peers-bench.ts";
import { readOut } from "../../test/read-blob.ts";
import { fillBlob } from "../store/fill-blob.ts";
import { openMemoryStore } from "../store/memory-store.ts";
import type { Proof, Prover } from "../store/prover.ts";
import type { BlobStore } from "../store/store.ts";
import { BlobFailure } from "./blob-failure.ts";
import type { ReadableBlob } from "./peer-table.ts";

noLeaks();

const NAME = "library/app";
const MOTHER = hostIdOf(`12D3KooW${"M".repeat(44)}`);
const taskOf = ({ digest, size }: FixtureBlob): Task => ({ digest, size });

function push(bench: PeersBench, seed: string, bytes: number): FixtureBlob {
  return bench.registry.content.pushBlob(NAME, randomBlob(seed, bytes).bytes);
}

function open(bench: PeersBench, blob: FixtureBlob, hasSource = true): Promise<ReadableBlob> {
  const registry = bench.registry.host;
  const source = { repository: { registry, name: NAME }, kind: "blob", authority: { kind: "anonymous" } } as const;
  return bench.peers.open(taskOf(blob), { source: hasSource ? source : undefined, priority: "reader", facts: { registry } });
}

/** A prover whose results wait until a test lets them go. */
function heldProver(gate: Promise<unknown>): (real: Prover) => Prover {
  return (real) => ({
    prove: (path, digest, size): Proof => {
      const proof = real.prove(path, digest, size);
      const result = proof.result.then(async (right) => {
        await gate;
        return right;
      });
      return {
        extend: (bytes) => {
          proof.extend(bytes);
        },
        result,
        cancel: () => {
          proof.cancel();
        },
      };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

test("case 53: until the proof a whole response lacks its last byte, and a range that ends before it is complete", async () => {
  const gate = Promise.withResolvers<undefined>();
  await using bench = await openPeersBench({ prover: heldProver(gate.promise) });
  const blob = push(bench, "held", 700_000);
  const readable = await open(bench, blob);
  const [whole, last, early] = [
    readable.openStream(),
    readable.openStream({ start: 699_999, end: 700_000 }),
    readable.openStream({ start: 600_000, end: 699_999 }),
  ];
  assert.ok((await readOut(early)).bytes.equals(blob.bytes.subarray(600_000, 699_999)));
  let read = 0;
  const wholeRead = (async () => {
    for (let lent = await whole.read(); lent !== undefined; lent = await whole.read()) {
      read += lent.bytes.length;
      lent.release();
    }
  })();
  let isLastThere = false;
  const lastRead = readOut(last).then(({ bytes }) => {
    isLastThere = true;
    return bytes;
  });
  await eventually(() => read === 699_999, "all but the last byte is read");
  assert.equal(isLastThere, false);
  gate.resolve(undefined);
  await wholeRead;
  assert.deepEqual([read, (await lastRead).equals(blob.bytes.subarray(699_999))], [700_000, true]);
  whole.close();
  readable.close();
});

test("case 53: a proof that fails ends every open response short; whoever comes while the file is replaced gets nothing of it", async () => {
  const gate = Promise.withResolvers<undefined>();
  const inQuarantine = Promise.withResolvers<undefined>();
  const quarantine = (): Promise<unknown> => {
    inQuarantine.resolve(undefined);
    return gate.promise;
  };
  await using bench = await openPeersBench({ store: (real) => gatedStore(real, { quarantine }) });
  const blob = push(bench, "wrong", 700_000);
  const wrong = bench.registry.fault({ when: { method: "GET" }, times: 1, do: { kind: "corrupt", offset: 300_000 } });
  const readable = await open(bench, blob);
  const first = readOut(readable.openStream());
  await inQuarantine.promise;
  const { bytes, error } = await first;
  assert.ok(error instanceof BlobFailure && error.detail.code === "wrong-bytes");
  assert.ok(bytes.length < 700_000);
  const late = await open(bench, blob);
  const stream = late.openStream();
  const second = readOut(stream);
  assert.deepEqual(
    bench.peers.running().map(({ held }) => held),
    [0],
    "nothing of the wrong file counts",
  );
  assert.equal(wrong.struck, 1);
  gate.resolve(undefined);
  assert.ok((await second).bytes.equals(blob.bytes), "the second reader gets the right bytes, read anew");
  await eventually(() => bench.store.findComplete(blob.digest) !== undefined, "it is complete");
  assert.match(await bench.metrics.metrics(), /darner_daemon_source_bytes_total{cause="failed-proof"} 700000\n/);
  readable.close();
  late.close();
});

test("a transfer that is cancelled while the file is replaced never begins, and a peer that is stopped meanwhile makes no file", async () => {
  const gate = Promise.withResolvers<undefined>();
  const inQuarantine = Promise.withResolvers<undefined>();
  let opened = 0;
  const openOrCreate = (): Promise<unknown> => Promise.resolve((opened += 1));
  const quarantine = (): Promise<unknown> => {
    inQuarantine.resolve(undefined);
    return gate.promise;
  };
  await using bench = await openPeersBench({ store: (real) => gatedStore(real, { quarantine, openOrCreate }) });
  const blob = push(bench, "stopped", 300_000);
  bench.registry.fault({ when: { method: "GET" }, do: { kind: "corrupt", offset: 0 } });
  const readable = await open(bench, blob);
  await readOut(readable.openStream());
  await inQuarantine.promise;
  // Somebody wants it again: a source read waits for the fresh file.
  const again = readOut(readable.openStream());
  bench.peers.close();
  const { error } = await again;
  assert.ok(error instanceof BlobFailure && error.detail.code === "stopping");
  readable.close();
  gate.resolve(undefined);
  await eventually(() => bench.store.list().length === 0, "the wrong file is gone");
  assert.deepEqual([opened, bench.registry.requests.length], [1, 1]);
});

test("a file that cannot be replaced ends the peer, tells its readers and the scheduler", async () => {
  let fails = false;
  const openOrCreate = (): Promise<unknown> => (fails ? Promise.reject(new Error("EROFS")) : Promise.resolve());
  await using bench = await openPeersBench({ store: (real) => gatedStore(real, { openOrCreate }) });
  const blob = push(bench, "no disk", 300_000);
  bench.registry.fault({ when: { method: "GET" }, do: { kind: "corrupt", offset: 0 } });
  const readable = await open(bench, blob);
  fails = true;
  assert.ok((await readOut(readable.openStream())).error instanceof BlobFailure);
  await eventually(() => bench.peers.count === 0, "the peer is over");
  const { error } = await readOut(readable.openStream());
  assert.ok(error instanceof BlobFailure && error.detail.code === "disk-refused");
  readable.close();
  assert.ok(bench.log.lines.some(({ message }) => message === "blob could not be begun again"));
});

/** A store that holds a blob whole. */
async function storeWith(blob: FixtureBlob): Promise<BlobStore> {
  const store = openMemoryStore({ maxBytes: 64_000_000, minFreeBytes: 0 }, { log: silentLog });
  using stored = await store.openOrCreate(taskOf(blob), {});
  const read = (offset: number, into: Uint8Array): Promise<void> => {
    into.set(blob.bytes.subarray(offset, offset + into.length));
    return Promise.resolve();
  };
  await fillBlob(stored, { read });
  return store;
}

test("with a scheduler pieces come from the parent it names, are checked against its table, and the source is left alone", async () => {
  await using bench = await openPeersBench();
  const blob = push(bench, "granted", 900_000);
  await using parent = await storeWith(blob);
  const stop = bench.channel.serve("mother:1", { host: MOTHER, store: parent, lend: () => undefined });
  bench.link.scheduler = "s";
  const readable = await open(bench, blob);
  const reading = readOut(readable.openStream());
  const task = taskOf(blob);
  using stored = parent.open(task);
  assert.ok(stored !== undefined);
  bench.peers.onOrder(task, { type: "table", hashes: stored.hashes() });
  bench.peers.onOrder(task, {
    type: "grant-pieces",
    grant: 1,
    parent: MOTHER,
    address: "mother:1",
    run: { first: 0, stride: 1, count: pieceCount(task.size) },
  });
  assert.ok((await reading).bytes.equals(blob.bytes));
  readable.close();
  await eventually(() => bench.store.findComplete(blob.digest) !== undefined, "it is complete");
  assert.equal(bench.registry.requests.length, 0);
  const told = bench.link.reports.map(({ report }) => report.type);
  assert.deepEqual([told[0], told.at(-1)], ["open", "proven"]);
  assert.match(await bench.metrics.metrics(), /darner_daemon_pieces_verified_total{from="parent"} 4\n/);
  stop();
});

for (const verify of ["prompt", "strict"] as const) {
  test(`${verify}: which pieces leave to a client before the proof`, async () => {
    const gate = Promise.withResolvers<undefined>();
    await using bench = await openPeersBench({ verify, prover: heldProver(gate.promise) });
    const blob = push(bench, "early", 900_000);
    await using parent = await storeWith(blob);
    const stop = bench.channel.serve("mother:1", { host: MOTHER, store: parent, lend: () => undefined });
    bench.link.scheduler = "s";
    const task = taskOf(blob);
    const readable = await open(bench, blob);
    const stream = readable.openStream();
    let given = 0;
    const reading = (async () => {
      for (let lent = await stream.read(); lent !== undefined; lent = await stream.read()) {
        given += lent.bytes.length;
        lent.release();
      }
    })();
    using stored = parent.open(task);
    bench.peers.onOrder(task, { type: "table", hashes: stored?.hashes() ?? [] });
    bench.peers.onOrder(task, { type: "grant-stripe", grant: 1, run: { first: 0, stride: 1, count: 1 }, connections: 1 });
    await eventually(() => given === 262_144, "the piece that was read from the registry left");
    const run = { first: 1, stride: 1, count: 3 };
    bench.peers.onOrder(task, { type: "grant-pieces", grant: 2, parent: MOTHER, address: "mother:1", run });
    await eventually(() => bench.peers.running()[0]?.held === 4, "all pieces are here");
    await eventually(() => stream.waiting && (verify === "strict" || given === 899_999), "what may leave has left");
    assert.equal(given, verify === "strict" ? 262_144 : 899_999);
    gate.resolve(undefined);
    await reading;
    assert.equal(given, 900_000);
    stream.close();
    readable.close();
    await eventually(() => bench.store.findComplete(blob.digest) !== undefined, "it is complete");
    stop();
  });
}

test("a blob that turns out to be wrong after bytes of it were given is told of once for each such file", async () => {
  const gate = Promise.withResolvers<undefined>();
  await using bench = await openPeersBench({ prover: heldProver(gate.promise) });
  const blob = push(bench, "poisoned", 700_000);
  bench.registry.fault({ when: { method: "GET" }, times: 1, do: { kind: "corrupt", offset: 300_000 } });
  const stream = (await open(bench, blob)).openStream();
  (await stream.read())?.release();
  assert.deepEqual(bench.poisoned, []);
  gate.resolve(undefined);
  await assert.rejects(
    readOut(stream).then(({ error }) => Promise.reject(error as Error)),
    BlobFailure,
  );
  assert.deepEqual(bench.poisoned, [blob.digest]);
});

test("a blob that turns out to be wrong before a byte of it was given poisons nobody", async () => {
  await using bench = await openPeersBench();
  const blob = push(bench, "unread", 700_000);
  bench.registry.fault({ when: { method: "GET" }, times: 1, do: { kind: "corrupt", offset: 300_000 } });
  const stream = (await open(bench, blob)).openStream();
  await eventually(() => bench.books.wrong().length > 0, "the wrong byte is found");
  assert.deepEqual(bench.poisoned, []);
  stream.close();
});

test("a parent's wrong piece is refused and told, and the blob comes from elsewhere", async () => {
  await using bench = await openPeersBench();
  const blob = push(bench, "liar", 500_000);
  const lies = { ...blob, bytes: Uint8Array.from(blob.bytes).fill(0, 100, 200) };
  await using liar = await storeWith(lies);
  await using honest = await storeWith(blob);
  const stop = bench.channel.serve("liar:1", { host: MOTHER, store: liar, lend: () => undefined });
  bench.link.scheduler = "s";
  const readable = await open(bench, blob);
  const reading = readOut(readable.openStream());
  const task = taskOf(blob);
  using right = honest.open(task);
  bench.peers.onOrder(task, { type: "table", hashes: right?.hashes() ?? [] });
  bench.peers.onOrder(task, { type: "grant-pieces", grant: 1, parent: MOTHER, address: "liar:1", run: { first: 0, stride: 1, count: 2 } });
  const refusals = (): unknown[] => bench.link.reports.filter(({ report }) => report.type === "grant-failed");
  await eventually(() => refusals().length === 1, "the scheduler hears of it");
  bench.peers.onOrder(task, { type: "grant-stripe", grant: 2, run: { first: 0, stride: 1, count: 2 }, connections: 1 });
  assert.ok((await reading).bytes.equals(blob.bytes));
  readable.close();
  assert.match(await bench.metrics.metrics(), /darner_daemon_pieces_refused_total{from="parent"} 1\n/);
  stop();
});

test("a peer whose scheduler is lost goes on by itself, and tells the next scheduler what it has", async () => {
  await using bench = await openPeersBench({ limits: { ownReadBytes: 1, ownReadPieces: 1, ownSourceReads: 1, returnMs: 0 } });
  const blob = push(bench, "lost", 900_000);
  bench.link.scheduler = "s";
  const readable = await open(bench, blob);
  const reading = readOut(readable.openStream());
  const hold = Promise.withResolvers<undefined>();
  bench.registry.fault({ when: { method: "GET" }, skip: 1, do: { kind: "hold", until: hold.promise } });
  bench.link.scheduler = undefined;
  bench.peers.onLost();
  await whileTimePasses(
    bench.clock,
    eventually(() => bench.peers.running()[0]?.held === 1, "one piece was read alone"),
  );
  bench.link.scheduler = "s2";
  const holdings = bench.peers.holdings();
  bench.peers.onFound();
  assert.deepEqual(
    holdings.map(({ task, proven, have, registry }) => [task, proven, [...have], registry]),
    [[taskOf(blob), false, [0], bench.registry.host]],
  );
  const opens = bench.link.reports.flatMap(({ report }) => (report.type === "open" ? [[...report.have]] : []));
  assert.deepEqual(opens, [[], [0]]);
  hold.resolve(undefined);
  bench.peers.onOrder(taskOf(blob), { type: "grant-stripe", grant: 9, run: { first: 1, stride: 1, count: 3 }, connections: 1 });
  assert.ok((await whileTimePasses(bench.clock, reading)).bytes.equals(blob.bytes));
  readable.close();
});

test("pieces that this host held before are proven and not fetched again", async () => {
  await using bench = await openPeersBench();
  const blob = push(bench, "before", 900_000);
  {
    using stored = await bench.store.openOrCreate(taskOf(blob), { registry: bench.registry.host });
    const writer = stored.writePiece(0);
    const { start, end } = pieceRange(blob.size, 0);
    for (let at = start; at < end;) {
      const space = writer.space();
      assert.ok(space !== undefined);
      const part = blob.bytes.subarray(at, Math.min(end, at + space.length));
      space.set(part);
      writer.commit(part.length);
      at += part.length;
    }
    stored.markVerified([{ piece: 0, hash: await writer.finish() }]);
  }
  const readable = await open(bench, blob);
  assert.ok((await readOut(readable.openStream())).bytes.equals(blob.bytes));
  readable.close();
  assert.equal(bench.registry.bodyBytes(), 900_000 - 262_144);
});
