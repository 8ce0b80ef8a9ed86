import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hostIdOf, pieceCount, piecesOf, pieceRange, PieceSet, type PieceRun, type Task } from "@darner/domain";
import fc from "fast-check";
import { contentOf, FakeBlob, FakeStore, FakeWriter, type FakeContent, type FakeDisk } from "../../test/fake-blobs.ts";
import type { ChannelFailure, ParentAddress, PieceFetcher, PieceSink } from "./piece-channel.ts";

/** One parent with its store, and one child. */
export type PieceChannelRig = AsyncDisposable & {
  readonly store: FakeStore;
  /** What the parent lends, by task. */
  readonly lent: Map<string, FakeBlob>;
  readonly parent: ParentAddress;
  readonly fetcher: PieceFetcher;
  /** Stops the parent. */
  stopParent(): Promise<void>;
};

const KIB = 1024;

/** Takes pieces in and remembers what happened, in order. */
export class TestSink implements PieceSink {
  readonly task: Task;
  readonly disk: FakeDisk;
  readonly refuses: ReadonlySet<number>;
  readonly begun: FakeWriter[] = [];
  readonly ended: FakeWriter[] = [];
  #onEnd: (() => void) | undefined;

  constructor(task: Task, disk: FakeDisk = "fast", refuses: ReadonlySet<number> = new Set()) {
    this.task = task;
    this.disk = disk;
    this.refuses = refuses;
  }

  begin(piece: number): FakeWriter | undefined {
    if (this.refuses.has(piece)) return undefined;
    const writer = new FakeWriter(piece, this.task, this.disk);
    this.begun.push(writer);
    return writer;
  }

  end(piece: number, writer: FakeWriter): void {
    assert.equal(writer.piece, piece);
    this.ended.push(writer);
    this.#onEnd?.();
  }

  /** Resolves when `count` pieces have ended. */
  async hasEnded(count: number): Promise<void> {
    while (this.ended.length < count) await new Promise<void>((resolve) => (this.#onEnd = resolve));
  }

  /** The pieces that ended, ascending. */
  get pieces(): number[] {
    return this.ended.map(({ piece }) => piece).sort((left, right) => left - right);
  }

  /** Every piece that ended has its bytes; every other that began was aborted. */
  async assertWhole({ bytes, task }: FakeContent): Promise<void> {
    for (const writer of this.ended) {
      await writer.finish();
      const { start, end } = pieceRange(task.size, writer.piece);
      assert.ok(Buffer.from(writer.bytes).equals(bytes.subarray(start, end)), `piece ${String(writer.piece)} differs`);
    }
    for (const writer of this.begun) assert.equal(writer.aborted, !this.ended.includes(writer));
  }
}

function wholeRun(task: Task): PieceRun {
  return { first: 0, stride: 1, count: pieceCount(task.size) };
}

type FetchPlan = { readonly run?: PieceRun; readonly skip?: PieceSet; readonly signal?: AbortSignal; readonly parent?: ParentAddress };

/** Fetches with the rig's child from its parent. */
export function fetchInto(rig: PieceChannelRig, sink: TestSink, plan: FetchPlan = {}): Promise<ChannelFailure | undefined> {
  return rig.fetcher.fetch({
    parent: plan.parent ?? rig.parent,
    task: sink.task,
    run: plan.run ?? wholeRun(sink.task),
    ...(plan.skip === undefined ? {} : { skip: plan.skip }),
    sink,
    signal: plan.signal ?? new AbortController().signal,
  });
}

/** What every piece channel does, whatever it is made of. */
export function pieceChannelConformance(name: string, openRig: () => Promise<PieceChannelRig>): void {
  describe(name, () => {
    deliversPieces(openRig);
    saysWhyNot(openRig);
    livesWithDisks(openRig);
  });
}

function deliversPieces(openRig: () => Promise<PieceChannelRig>): void {
  test("a child gets every piece it asks for, and no other", async () => {
    await using rig = await openRig();
    const contents = [1, 256 * KIB, 256 * KIB + 1, 2_000_000].map((size) => contentOf(size, size));
    for (const content of contents) rig.store.put(new FakeBlob(content));
    const plan = fc.record({
      content: fc.constantFrom(...contents),
      first: fc.nat(9),
      stride: fc.integer({ min: 1, max: 4 }),
      count: fc.integer({ min: 0, max: 9 }),
      skip: fc.uint8Array({ minLength: 2, maxLength: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ content, first, stride, count, skip }) => {
        const pieces = pieceCount(content.task.size);
        fc.pre(first + stride * (count - 1) < pieces);
        const run = { first, stride, count };
        const unwanted = PieceSet.fromBytes(pieces, skip);
        const sink = new TestSink(content.task);
        assert.equal(await fetchInto(rig, sink, { run, skip: unwanted }), undefined);
        assert.deepEqual(
          sink.pieces,
          piecesOf(run).filter((piece) => !unwanted.has(piece)),
        );
        await sink.assertWhole(content);
      }),
      { numRuns: 60 },
    );
  });

  test("a piece is sent as soon as the parent has verified it", async () => {
    await using rig = await openRig();
    const content = contentOf("late", 1_300_000);
    const blob = rig.store.put(new FakeBlob(content, [1]));
    const sink = new TestSink(content.task);
    const fetched = fetchInto(rig, sink);
    for (const [at, piece] of [4, 0, 3, 2].entries()) {
      await sink.hasEnded(at + 1);
      blob.verify(piece);
    }
    assert.equal(await fetched, undefined);
    assert.deepEqual(
      sink.ended.map(({ piece }) => piece),
      [1, 4, 0, 3, 2],
    );
    await sink.assertWhole(content);
    await blobGivenBack(blob);
  });

  test("several requests for several blobs are served at the same time", async () => {
    await using rig = await openRig();
    const contents = ["a", "b", "c"].map((seed) => contentOf(seed, 1_000_000));
    const waiting = rig.store.put(new FakeBlob(contents[0] ?? contentOf("a", 1), []));
    for (const content of contents.slice(1)) rig.store.put(new FakeBlob(content));
    const sinks = contents.map(({ task }) => new TestSink(task));
    const [first, ...others] = sinks.map((sink) => fetchInto(rig, sink));
    assert.deepEqual(await Promise.all(others), [undefined, undefined]);
    for (const piece of piecesOf(wholeRun(waiting.content.task))) waiting.verify(piece);
    assert.equal(await first, undefined);
    for (const [at, sink] of sinks.entries()) await sink.assertWhole(contents[at] ?? contentOf("a", 1));
  });

  test("a blob that only a peer of the parent is getting is lent", async () => {
    await using rig = await openRig();
    const content = contentOf("lent", 600_000);
    const blob = new FakeBlob(content);
    rig.lent.set(content.task.digest, blob);
    const sink = new TestSink(content.task);
    assert.equal(await fetchInto(rig, sink), undefined);
    await sink.assertWhole(content);
    await blobGivenBack(blob);
  });

  test("a piece that the child refuses is dropped, the others come", async () => {
    await using rig = await openRig();
    const content = contentOf("refused", 1_200_000);
    rig.store.put(new FakeBlob(content));
    const sink = new TestSink(content.task, "fast", new Set([0, 2]));
    assert.equal(await fetchInto(rig, sink), undefined);
    assert.deepEqual(sink.pieces, [1, 3, 4]);
    await sink.assertWhole(content);
  });
}

function saysWhyNot(openRig: () => Promise<PieceChannelRig>): void {
  test("a blob that the parent does not know is refused", async () => {
    await using rig = await openRig();
    assert.equal(await fetchInto(rig, new TestSink(contentOf("nowhere", 10).task)), "blob-unknown");
  });

  test("a blob that the parent drops is refused from then on", async () => {
    await using rig = await openRig();
    const content = contentOf("dropped", 600_000);
    const blob = rig.store.put(new FakeBlob(content, [1]));
    const sink = new TestSink(content.task);
    const fetched = fetchInto(rig, sink);
    await sink.hasEnded(1);
    blob.drop();
    assert.equal(await fetched, "blob-unknown");
    await blobGivenBack(blob);
  });

  test("another host at the address is not asked for anything", async () => {
    await using rig = await openRig();
    const content = contentOf("other", 300_000);
    const blob = rig.store.put(new FakeBlob(content));
    const sink = new TestSink(content.task);
    const parent = { ...rig.parent, host: hostIdOf("12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhKust") };
    assert.equal(await fetchInto(rig, sink, { parent }), "wrong-host");
    assert.deepEqual([sink.begun.length, blob.held], [0, 0]);
  });

  test("a parent that stops lets every request go", async () => {
    await using rig = await openRig();
    const content = contentOf("stops", 600_000);
    const blob = rig.store.put(new FakeBlob(content, [0]));
    const sink = new TestSink(content.task);
    const fetched = fetchInto(rig, sink);
    await sink.hasEnded(1);
    await rig.stopParent();
    assert.equal(await fetched, "parent-busy");
    assert.equal(await fetchInto(rig, new TestSink(content.task)), "channel-lost");
    await blobGivenBack(blob);
  });

  test("an aborted request ends, and nothing of it is left", async () => {
    await using rig = await openRig();
    const content = contentOf("aborted", 900_000);
    const blob = rig.store.put(new FakeBlob(content, [0]));
    const sink = new TestSink(content.task);
    const stop = new AbortController();
    const fetched = fetchInto(rig, sink, { signal: stop.signal });
    await sink.hasEnded(1);
    stop.abort();
    assert.equal(await fetched, undefined);
    blob.verify(1);
    await blobGivenBack(blob);
    assert.deepEqual(sink.pieces, [0]);
    assert.equal(await fetchInto(rig, new TestSink(content.task), { signal: stop.signal }), undefined);
    // The way is free for the next one.
    const again = new TestSink(content.task);
    assert.equal(await fetchInto(rig, again, { run: { first: 0, stride: 1, count: 2 } }), undefined);
    await again.assertWhole(content);
  });

  test("a child that closes lets every request go", async () => {
    await using rig = await openRig();
    const content = contentOf("closes", 600_000);
    const blob = rig.store.put(new FakeBlob(content, [0]));
    const sink = new TestSink(content.task);
    const fetched = fetchInto(rig, sink);
    await sink.hasEnded(1);
    await rig.fetcher[Symbol.asyncDispose]();
    assert.equal(await fetched, "channel-lost");
    assert.equal(await fetchInto(rig, sink), "channel-lost");
    await blobGivenBack(blob);
  });
}

function livesWithDisks(openRig: () => Promise<PieceChannelRig>): void {
  test("a slow disk slows the pieces down and loses nothing", async () => {
    await using rig = await openRig();
    const content = contentOf("slow", 3_000_000);
    rig.store.put(new FakeBlob(content));
    const sinks = ["slow", "slow", "fast"].map((disk) => new TestSink(content.task, disk as FakeDisk));
    assert.deepEqual(await Promise.all(sinks.map((sink) => fetchInto(rig, sink))), [undefined, undefined, undefined]);
    for (const sink of sinks) {
      assert.equal(sink.ended.length, pieceCount(content.task.size));
      await sink.assertWhole(content);
    }
  });

  test("a disk that refuses ends that piece, not the channel", async () => {
    await using rig = await openRig();
    const content = contentOf("full", 1_000_000);
    rig.store.put(new FakeBlob(content));
    const [full, fast] = [new TestSink(content.task, "full"), new TestSink(content.task)];
    assert.deepEqual(await Promise.all([fetchInto(rig, full), fetchInto(rig, fast)]), [undefined, undefined]);
    assert.deepEqual(full.pieces, piecesOf(wholeRun(content.task)));
    for (const writer of full.ended) await assert.rejects(writer.finish(), /no space/);
    await fast.assertWhole(content);
  });
}

/** Waits until the parent holds the blob no more. */
async function blobGivenBack(blob: FakeBlob): Promise<void> {
  while (blob.held > 0 || blob.listeners.size > 0) await new Promise((resolve) => setImmediate(resolve));
}
