import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "@darner/runtime";
import { StoppedClock } from "@darner/testkit";
import { contentOf } from "../../test/fake-blobs.ts";
import { openMemoryStore } from "../store/memory-store.ts";
import type { PieceWriter, StoredBlob } from "../store/store.ts";
import { StoreError } from "../store/store-error.ts";
import { PieceIntake } from "./piece-intake.ts";

const content = contentOf("intake", 600_000);

type Bench = AsyncDisposable & {
  readonly clock: StoppedClock;
  readonly blob: StoredBlob;
  readonly intake: PieceIntake;
  readonly landed: { transfer: number; piece: number; hash: Uint8Array }[];
  readonly refused: unknown[];
};

async function openBench(change: (blob: StoredBlob) => StoredBlob = (blob) => blob): Promise<Bench> {
  const store = openMemoryStore({ maxBytes: 1_000_000, minFreeBytes: 0 }, { log: silentLog });
  const clock = new StoppedClock();
  const [landed, refused]: [Bench["landed"], unknown[]] = [[], []];
  const real = await store.openOrCreate(content.task, {});
  const blob = change(real);
  const listener = {
    onLanded: (transfer: number, piece: number, hash: Uint8Array) => void landed.push({ transfer, piece, hash }),
    onDiskRefused: (_transfer: number, error: unknown) => void refused.push(error),
  };
  const intake = new PieceIntake(blob, listener, () => clock.now());
  const dispose = async (): Promise<void> => {
    intake.close();
    real[Symbol.dispose]();
    await store[Symbol.asyncDispose]();
  };
  return { clock, blob, intake, landed, refused, [Symbol.asyncDispose]: dispose };
}

/** Puts the whole piece; it may have begun already. */
function fill(writer: PieceWriter | undefined, from = 0): PieceWriter {
  assert.ok(writer !== undefined);
  const start = writer.piece * 262_144;
  const bytes = content.bytes.subarray(start, Math.min(start + 262_144, content.task.size));
  for (let at = from; at < bytes.length;) {
    const space = writer.space();
    assert.ok(space !== undefined, "there was no room");
    const part = bytes.subarray(at, at + space.length);
    space.set(part);
    writer.commit(part.length);
    at += part.length;
  }
  return writer;
}

test("a piece lands with its hash, is claimed, and is not written again", async () => {
  await using bench = await openBench();
  const sink = bench.intake.sinkOf(7);
  sink.end(2, fill(sink.begin(2)));
  await bench.intake.settled(7);
  const [landed] = bench.landed;
  assert.ok(landed?.transfer === 7 && landed.piece === 2);
  bench.blob.markVerified([landed]);
  bench.intake.decided(2);
  assert.equal(sink.begin(2), undefined);
});

test("a piece has one writer at a time; one whose bytes stopped coming is taken over, and then counts no more", async () => {
  await using bench = await openBench();
  const [slow, fast] = [bench.intake.sinkOf(1), bench.intake.sinkOf(2)];
  const stalled = slow.begin(2);
  assert.ok(stalled !== undefined);
  stalled.space()?.fill(0);
  stalled.commit(10);
  bench.clock.advance(999);
  assert.equal(fast.begin(2), undefined);
  bench.clock.advance(1);
  const taken = fast.begin(2);
  assert.equal(stalled.space(), undefined, "the first writer was given up");
  slow.end(2, stalled);
  fast.end(2, fill(taken));
  await Promise.all([bench.intake.settled(1), bench.intake.settled(2)]);
  assert.deepEqual([bench.landed.map(({ transfer }) => transfer), bench.refused], [[2], []]);
});

test("a landed piece waits for its verdict: refused, it may be written again at once; forgotten, after a while", async () => {
  await using bench = await openBench();
  const sink = bench.intake.sinkOf(1);
  sink.end(2, fill(sink.begin(2)));
  await bench.intake.settled(1);
  bench.clock.advance(2000);
  assert.equal(sink.begin(2), undefined);
  bench.intake.decided(2);
  sink.end(2, fill(sink.begin(2)));
  await bench.intake.settled(1);
  bench.clock.advance(3000);
  assert.ok(sink.begin(2) !== undefined);
});

test("a transfer that is over gives up what it began, and keeps what landed", async () => {
  await using bench = await openBench();
  const sink = bench.intake.sinkOf(1);
  const half = sink.begin(0);
  sink.end(2, fill(sink.begin(2)));
  await bench.intake.settled(1);
  bench.intake.giveUp(1);
  assert.equal(half?.space(), undefined);
  assert.ok(bench.intake.sinkOf(2).begin(0) !== undefined);
  assert.equal(bench.intake.sinkOf(2).begin(2), undefined);
});

test("a closed intake takes nothing in", async () => {
  await using bench = await openBench();
  const half = bench.intake.sinkOf(1).begin(0);
  bench.intake.close();
  assert.deepEqual([half?.space(), bench.intake.sinkOf(1).begin(1)], [undefined, undefined]);
});

test("case 57: a disk that refuses is told; bytes that another writer was quicker with are not the disk's fault", async () => {
  for (const [code, told] of [
    ["no-space", 1],
    ["piece-superseded", 0],
  ] as const) {
    const error = code === "no-space" ? new StoreError({ code }, "full") : new StoreError({ code, piece: 2 }, "late");
    await using bench = await openBench((blob) => ({ ...delegate(blob), writePiece: () => failing(error) }));
    const sink = bench.intake.sinkOf(1);
    const writer = sink.begin(2);
    assert.ok(writer !== undefined);
    sink.end(2, writer);
    await bench.intake.settled(1);
    assert.deepEqual([bench.refused.length, bench.landed.length], [told, 0], code);
    assert.ok(sink.begin(2) !== undefined, "the piece may be written again");
  }
});

function delegate(blob: StoredBlob): StoredBlob {
  return {
    task: blob.task,
    complete: blob.complete,
    have: blob.have,
    facts: blob.facts,
    path: blob.path,
    writePiece: (piece) => blob.writePiece(piece),
    markVerified: (pieces) => {
      blob.markVerified(pieces);
    },
    hashes: () => blob.hashes(),
    read: (offset, into) => blob.read(offset, into),
    onVerified: (listener) => blob.onVerified(listener),
    markComplete: () => blob.markComplete(),
    quarantine: (reason) => blob.quarantine(reason),
    [Symbol.dispose]: () => {
      blob[Symbol.dispose]();
    },
  };
}

function failing(error: StoreError): PieceWriter {
  return {
    piece: 2,
    space: () => undefined,
    commit: () => undefined,
    drained: () => Promise.reject(error),
    finish: () => Promise.reject(error),
    abort: () => undefined,
  };
}
