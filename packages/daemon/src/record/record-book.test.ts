import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, hostIdOf, pieceCount, PieceSet, piecesOf, type HostId, type PieceRun, type Task } from "@darner/domain";
import type { PeerEffect, PeerEvent } from "@darner/peer-core";
import { StoppedClock } from "@darner/testkit";
import type { BlobAccount } from "./blob-account.ts";
import type { BlobRecorder } from "./blob-recorder.ts";
import { RecordBook } from "./record-book.ts";

const MIB = 1024 * 1024;
const task: Task = { digest: digestOf(`sha256:${"d".repeat(64)}`), size: 4 * MIB };
const [MOTHER, LIAR] = [hostIdOf(`12D3KooW${"m".repeat(44)}`), hostIdOf(`12D3KooW${"z".repeat(44)}`)];
const hash = new Uint8Array(32);

/** A recorder and the words to tell it what a peer would. */
class Story {
  readonly clock = new StoppedClock();
  readonly book = new RecordBook(this.clock, () => new Date(0));
  readonly recorder: BlobRecorder;

  constructor(of: Task = task) {
    const have = new PieceSet(pieceCount(of.size));
    const opening = { registry: "r.example", access: "caller", sequential: false, priority: "reader", schedulerLive: true } as const;
    this.recorder = this.book.begin({ type: "peer-started", task: of, ...opening, have });
  }

  tell(event: PeerEvent, ...effects: PeerEffect[]): void {
    this.recorder.note(event, effects, this.clock.now());
  }

  asks(transfer: number, from: HostId, run: PieceRun): void {
    const grant = { grant: transfer, parent: { host: from, address: "h:1" }, run };
    this.tell({ type: "grant-received", grant }, { type: "fetch-pieces", transfer, parent: grant.parent, run });
  }

  reads(transfer: number, run: PieceRun, cause: "granted" | "hedge"): void {
    this.tell({ type: "grant-received", grant: { grant: transfer, run } }, { type: "read-source", transfer, run, cause });
  }

  lands(transfer: number, piece: number, from: "source" | "parent"): void {
    this.tell({ type: "piece-landed", transfer, piece, hash }, { type: "accept-pieces", pieces: [{ piece, hash }], from });
  }

  get account(): BlobAccount {
    return this.book.accountsOf(this.recorder.task.digest)[0] ?? assert.fail("no account");
  }
}

const run = (first: number, count: number, stride = 1): PieceRun => ({ first, stride, count });

test("an account tells who gave which pieces, when, and how long the proof took", () => {
  const story = new Story();
  story.asks(1, MOTHER, run(0, 8, 2));
  story.reads(2, run(1, 1), "granted");
  story.clock.advance(10);
  for (const piece of piecesOf(run(0, 8, 2))) story.lands(1, piece, "parent");
  story.clock.advance(5);
  story.lands(2, 1, "source");
  story.tell({ type: "transfer-ended", transfer: 2 });
  for (const piece of piecesOf(run(3, 7, 2))) story.lands(1, piece, "parent");
  story.tell({ type: "time-passed" }, { type: "finish-proof" });
  assert.equal(story.account.state, "proving");
  story.clock.advance(7);
  story.tell({ type: "proof-succeeded" }, { type: "complete-blob" }, { type: "end-peer" });
  story.book.finish(story.recorder);
  story.clock.advance(1000);
  const { state, held, ms, origins, sourceReads, grants } = story.account;
  assert.deepEqual([state, held, grants], ["complete", 16, { fromHosts: 1, stripes: 1, revoked: 0 }]);
  assert.deepEqual(ms, { total: 22, firstPiece: 10, lastPiece: 15, proof: 7, waited: 0 });
  assert.deepEqual(
    origins.map(({ from, pieces, bytes, firstMs, lastMs }) => ({ from, pieces, bytes, firstMs, lastMs })),
    [
      { from: MOTHER, pieces: 15, bytes: 15 * (MIB / 4), firstMs: 10, lastMs: 15 },
      { from: "source", pieces: 1, bytes: MIB / 4, firstMs: 15, lastMs: 15 },
    ],
  );
  assert.deepEqual(
    origins.flatMap(({ runs }) => runs.flatMap(piecesOf)).sort((left, right) => left - right),
    piecesOf(run(0, 16)),
  );
  assert.deepEqual(sourceReads, [
    { atMs: 0, endMs: 15, run: run(1, 1), cause: "granted", instead: "", pieces: 1, bytes: MIB / 4, end: "done" },
  ]);
});

test("a source read says what it stands in for: a parent that fell silent, a grant that was taken back", () => {
  const story = new Story();
  story.asks(1, MOTHER, run(0, 4));
  story.lands(1, 0, "parent");
  story.tell({ type: "transfer-ended", transfer: 1, failure: { code: "parent-silent" } });
  story.reads(2, run(1, 3), "granted");
  story.asks(3, LIAR, run(8, 4));
  story.tell({ type: "grant-revoked", grant: 3 }, { type: "cancel-transfer", transfer: 3 });
  story.reads(4, run(8, 4), "hedge");
  assert.deepEqual(
    story.account.sourceReads.map(({ cause, instead, end }) => [cause, instead, end]),
    [
      ["granted", `parent-silent from ${MOTHER}`, null],
      ["hedge", `revoked from ${LIAR}`, null],
    ],
  );
  assert.deepEqual(story.account.origins[0]?.failures, { "parent-silent": 1 });
});

test("wrong pieces, wrong blobs and lost schedulers are noted, and what was wrong is not held", () => {
  const story = new Story();
  story.asks(1, LIAR, run(0, 2));
  story.lands(1, 0, "parent");
  story.tell({ type: "piece-landed", transfer: 1, piece: 1, hash }, { type: "refuse-piece", piece: 1, from: LIAR });
  story.tell({ type: "scheduler-lost" });
  story.tell({ type: "proof-failed" }, { type: "drop-blob" });
  const { held, notes, origins } = story.account;
  assert.deepEqual([held, origins[0]?.refused], [0, 1]);
  assert.deepEqual(
    notes.map(({ what }) => what),
    ["piece-refused", "scheduler-lost", "proof-failed", "dropped"],
  );
});

test("how long readers stood still is counted once for all of them, and the longest waits are told with their piece", () => {
  const story = new Story();
  story.asks(1, MOTHER, run(0, 16));
  story.tell({ type: "reader-opened", reader: 1, next: 0, end: 16 });
  story.clock.advance(10);
  story.tell({ type: "reader-opened", reader: 2, next: 1, end: 16 });
  story.clock.advance(10);
  story.lands(1, 0, "parent");
  story.clock.advance(5);
  story.lands(1, 1, "parent");
  story.clock.advance(100);
  assert.equal(story.account.ms.waited, 25, "nobody waits while what was read is being sent");
  story.tell({ type: "reader-advanced", reader: 1, next: 1 });
  story.tell({ type: "reader-advanced", reader: 2, next: 2 });
  story.clock.advance(3);
  assert.equal(story.account.ms.waited, 28);
  story.tell({ type: "reader-closed", reader: 2 });
  story.clock.advance(50);
  assert.deepEqual(
    [story.account.ms.waited, story.account.waits.map(({ piece, ms }) => [piece, ms])],
    [
      28,
      [
        [0, 20],
        [1, 15],
      ],
    ],
  );
});

test("an account is bounded, whatever happens and however large the blob is", () => {
  const huge: Task = { digest: task.digest, size: 16 * 1024 ** 4 };
  const story = new Story(huge);
  let transfer = 1;
  for (let round = 0; round < 20_000; round += 1) {
    const from = hostIdOf(`12D3KooW${String(round % 300).padStart(44, "1")}`);
    story.asks(transfer, from, run((round * 7919) % 262_000, 3));
    story.tell({ type: "piece-landed", transfer, piece: (round * 7919) % 262_000, hash });
    if (round % 2 === 0) story.lands(transfer, (round * 7919) % 262_000, "parent");
    story.reads(transfer + 1, run((round * 31) % 262_000, 2), "hedge");
    story.tell({ type: "proof-failed" }, { type: "refuse-piece", piece: 1, from });
    transfer += 2;
  }
  const { account } = story;
  assert.ok(JSON.stringify(account).length < 128 * 1024, `${String(JSON.stringify(account).length)} characters`);
  assert.ok(
    Object.values(account.leftOut).every((left) => left > 0),
    JSON.stringify(account.leftOut),
  );
});

test("the accounts of the last 256 blobs are kept, and every fetch of a blob has its own", () => {
  const clock = new StoppedClock();
  const book = new RecordBook(clock, () => new Date(0));
  const fetchOnce = (at: number): Task => {
    const of: Task = { digest: digestOf(`sha256:${at.toString(16).padStart(64, "0")}`), size: 1000 };
    const opening = {
      registry: "r",
      access: "own",
      sequential: false,
      priority: "reader",
      have: new PieceSet(1),
      schedulerLive: false,
    } as const;
    book.finish(book.begin({ type: "peer-started", task: of, ...opening }));
    return of;
  };
  const first = fetchOnce(0);
  fetchOnce(0);
  assert.equal(book.accountsOf(first.digest).length, 2);
  for (let at = 1; at < 256; at += 1) fetchOnce(at);
  assert.equal(book.accountsOf(first.digest).length, 1);
  fetchOnce(256);
  assert.deepEqual(book.accountsOf(first.digest), []);
});
