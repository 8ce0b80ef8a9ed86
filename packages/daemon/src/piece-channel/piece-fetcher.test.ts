import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { pieceCount, pieceRange, PieceSet, type PieceRun, type Task } from "@darner/domain";
import { encodePieceFrame, PIECE_CHANNEL_VERSION, type PieceFrame } from "@darner/protocol";
import { silentLog } from "@darner/runtime";
import { noLeaks, openTempDir, StoppedClock, type TempDir } from "@darner/testkit";
import fc from "fast-check";
import { contentOf, type FakeContent } from "../../test/fake-blobs.ts";
import { RawParent } from "../../test/raw-parent.ts";
import { openIdentity, type Identity } from "../identity/identity.ts";
import { openGate } from "../membership/member-gate.ts";
import type { ByteLimit } from "./channel-event.ts";
import { TestSink } from "./piece-channel.conformance.ts";
import type { ChannelFailure, PieceFetcher } from "./piece-channel.ts";
import { openPieceFetcher, type PieceFetcherDeps } from "./piece-fetcher.ts";

noLeaks();

let dirs: TempDir[] = [];
let parent: Identity;
let child: Identity;

before(async () => {
  dirs = await Promise.all([openTempDir(), openTempDir()]);
  [parent, child] = await Promise.all([openIdentity(dirs[0]?.path ?? ""), openIdentity(dirs[1]?.path ?? "")]);
});

after(async () => {
  for (const dir of dirs) await dir[Symbol.asyncDispose]();
});

const HELLO: PieceFrame = { type: "hello", version: PIECE_CHANNEL_VERSION };

function openChild(deps: Partial<PieceFetcherDeps> = {}): PieceFetcher {
  return openPieceFetcher({ encryption: "tls" }, { identity: child, gate: openGate, log: silentLog, observe: () => {}, ...deps });
}

type Plan = { readonly run?: PieceRun; readonly skip?: PieceSet; readonly signal?: AbortSignal };

function fetchFrom(raw: RawParent, fetcher: PieceFetcher, sink: TestSink, plan: Plan = {}): Promise<ChannelFailure | undefined> {
  const { task } = sink;
  const run = plan.run ?? { first: 0, stride: 1, count: pieceCount(task.size) };
  const at = { host: parent.host, address: raw.address };
  const skip = plan.skip === undefined ? {} : { skip: plan.skip };
  return fetcher.fetch({ parent: at, task, run, ...skip, sink, signal: plan.signal ?? new AbortController().signal });
}

function pieceOf({ bytes, task }: FakeContent, piece: number, request = 1): { readonly frame: PieceFrame; readonly body: Uint8Array } {
  const { start, end } = pieceRange(task.size, piece);
  return { frame: { type: "piece", request, piece, length: end - start }, body: bytes.subarray(start, end) };
}

test("pieces arrive whole however their bytes are cut on the way, at every speed of the disk", async () => {
  const content = contentOf("cut", 700_000);
  const all = [0, 1, 2].map((piece) => pieceOf(content, piece));
  const order: (PieceFrame | Uint8Array)[] = [
    HELLO,
    ...all.flatMap(({ frame, body }) => [{ type: "waiting", request: 1 } as const, frame, body]),
    { type: "end", request: 1 },
  ];
  const stream = Buffer.concat(order.map((part) => (part instanceof Uint8Array ? part : encodePieceFrame(part))));
  const plan = fc.record({
    disk: fc.constantFrom("fast" as const, "slow" as const),
    cuts: fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ disk, cuts }) => {
      await using raw = await RawParent.listen(parent);
      await using fetcher = openChild();
      const sink = new TestSink(content.task, disk);
      const fetched = fetchFrom(raw, fetcher, sink);
      const guest = await raw.heard("want");
      // At most 1000 portions: one for each byte would only be slow.
      const least = Math.ceil(stream.length / 1000);
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const length = Math.max(cuts[turn % cuts.length] ?? 1, turn < 40 ? 1 : least);
        guest.socket.write(stream.subarray(at, at + length));
        at += length;
        if (turn % 50 === 0) await setImmediate();
      }
      assert.equal(await fetched, undefined);
      assert.deepEqual(sink.pieces, [0, 1, 2]);
      await sink.assertWhole(content);
    }),
    { numRuns: 25 },
  );
});

test("a parent that breaks the framing is left at once, and nothing half-written stays", async () => {
  const content = contentOf("framing", 700_000);
  const { frame, body } = pieceOf(content, 0);
  const whole = [HELLO, frame, body];
  const bad: (readonly (PieceFrame | Uint8Array)[])[] = [
    [frame],
    [{ type: "hello", version: 9 }],
    [HELLO, HELLO],
    // A piece of 4 GiB, one too short, one that was not asked for, one of no request, one twice.
    [HELLO, { type: "piece", request: 1, piece: 0, length: 0xffff_ffff }],
    [HELLO, { type: "piece", request: 1, piece: 0, length: 1000 }],
    [HELLO, { type: "piece", request: 1, piece: 3, length: body.length }],
    [HELLO, { type: "piece", request: 2, piece: 0, length: body.length }],
    [...whole, frame],
    // An end before everything was sent; an answer to nothing.
    [...whole, { type: "end", request: 1 }],
    [HELLO, { type: "waiting", request: 77 }],
    // A frame that says it is 4 GiB long; no frame.
    [HELLO, Uint8Array.of(8, 0xff, 0xff, 0xff, 0xff)],
    [Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ];
  for (const parts of bad) {
    await using raw = await RawParent.listen(parent);
    await using fetcher = openChild();
    const sink = new TestSink(content.task);
    const fetched = fetchFrom(raw, fetcher, sink);
    (await raw.heard("want")).say(...parts);
    assert.equal(await fetched, "protocol-violation", JSON.stringify(parts.map((part) => ("type" in part ? part : part.length))));
    await sink.assertWhole(content);
  }
});

test("whatever a parent says, the child only gives it up", async () => {
  const content = contentOf("noise", 300_000);
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.boolean(), async (bytes, polite) => {
      await using raw = await RawParent.listen(parent);
      await using fetcher = openChild();
      const sink = new TestSink(content.task);
      const fetched = fetchFrom(raw, fetcher, sink);
      const guest = await raw.heard("want");
      guest.say(...(polite ? [HELLO] : []), bytes);
      guest.socket.end();
      const failure = await fetched;
      assert.ok(failure === "protocol-violation" || failure === "channel-lost", failure);
      await sink.assertWhole(content);
    }),
    { numRuns: 30 },
  );
});

test("a connection that ends in the middle of a piece is lost, and its writer aborted", async () => {
  const content = contentOf("middle", 300_000);
  await using raw = await RawParent.listen(parent);
  await using fetcher = openChild();
  const sink = new TestSink(content.task);
  const fetched = fetchFrom(raw, fetcher, sink);
  const guest = await raw.heard("want");
  const { frame, body } = pieceOf(content, 0);
  guest.say(HELLO, frame, body.subarray(0, 70_000));
  guest.socket.end();
  assert.equal(await fetched, "channel-lost");
  assert.deepEqual([sink.begun.length, sink.ended.length, sink.begun[0]?.aborted], [1, 0, true]);
});

test("a request aborted in the middle of a piece gives its writer back only when no byte can land in it", async () => {
  const content = contentOf("abort", 700_000);
  await using raw = await RawParent.listen(parent);
  let arrived = 0;
  await using fetcher = openChild({ observe: (event) => (arrived += event.type === "bytes-received" ? event.bytes : 0) });
  const sink = new TestSink(content.task);
  const stop = new AbortController();
  const fetched = fetchFrom(raw, fetcher, sink, { signal: stop.signal });
  const guest = await raw.heard("want");
  const { frame, body } = pieceOf(content, 0);
  guest.say(HELLO, frame, body.subarray(0, 100_000));
  while (arrived < 100_000) await setImmediate();
  stop.abort();
  await raw.heard("cancel");
  assert.equal(sink.begun[0]?.aborted, false);
  guest.say(body.subarray(100_000), { type: "end", request: 1 });
  assert.equal(await fetched, undefined);
  assert.deepEqual([sink.begun[0].aborted, sink.ended.length], [true, 0]);
  // The same connection goes on.
  const again = new TestSink(content.task);
  const second = fetchFrom(raw, fetcher, again, { run: { first: 2, stride: 1, count: 1 } });
  await raw.heard("want", 2);
  const last = pieceOf(content, 2, 2);
  guest.say(last.frame, last.body, { type: "end", request: 2 });
  assert.equal(await second, undefined);
  await again.assertWhole(content);
  assert.equal(raw.guests.length, 1);
});

test("a parent is silent when no byte came for five seconds, not earlier", async () => {
  const content = contentOf("silent", 700_000);
  const timers = new StoppedClock();
  await using raw = await RawParent.listen(parent);
  await using fetcher = openChild({ timers });
  const sink = new TestSink(content.task);
  let ended: ChannelFailure | undefined | "pending" = "pending";
  const fetched = fetchFrom(raw, fetcher, sink).then((failure) => (ended = failure));
  const guest = await raw.heard("want");
  const sayPiece = async (piece: number): Promise<void> => {
    const { frame, body } = pieceOf(content, piece);
    guest.say(...(piece === 0 ? [HELLO] : []), frame, body);
    await sink.hasEnded(piece + 1);
  };
  await sayPiece(0);
  timers.advance(4_900);
  await sayPiece(1);
  timers.advance(4_900);
  await setImmediate();
  assert.equal(ended, "pending");
  timers.advance(500);
  assert.equal(await fetched, "parent-silent");
});

test("a parent that takes the connection and says nothing is lost after three seconds", async () => {
  const timers = new StoppedClock();
  await using raw = await RawParent.listen(undefined);
  await using fetcher = openChild({ timers });
  const fetched = fetchFrom(raw, fetcher, new TestSink(contentOf("mute", 10).task));
  while (raw.guests.length === 0) await setImmediate();
  timers.advance(3_000);
  assert.equal(await fetched, "channel-lost");
});

test("a parent that cannot be reached is not dialled again at once, and less and less often", async () => {
  const timers = new StoppedClock();
  // The wrong host is there, which shows how often it was dialled.
  await using raw = await RawParent.listen(child);
  await using fetcher = openChild({ timers });
  const sink = new TestSink(contentOf("far", 10).task);
  const dialled: number[] = [];
  for (const waitMs of [0, 0, 240, 20, 0, 300, 220]) {
    timers.advance(waitMs);
    assert.equal(await fetchFrom(raw, fetcher, sink), "wrong-host");
    dialled.push(raw.knocks);
  }
  assert.deepEqual(dialled, [1, 1, 1, 2, 2, 2, 3]);
});

test("nobody at the address, and no address, is a lost channel", async () => {
  const raw = await RawParent.listen(parent);
  const { address } = raw;
  await raw[Symbol.asyncDispose]();
  await using fetcher = openChild();
  for (const at of [address, "nonsense", "127.0.0.1:0"]) {
    const { task } = contentOf("nobody", 10);
    const request = { task, run: { first: 0, stride: 1, count: 1 }, sink: new TestSink(task), signal: new AbortController().signal };
    assert.equal(await fetcher.fetch({ parent: { host: parent.host, address: at }, ...request }), "channel-lost");
  }
});

test("a connection that nobody needs is closed after a minute, and made again when it is needed", async () => {
  const content = contentOf("idle", 1000);
  const timers = new StoppedClock();
  await using raw = await RawParent.listen(parent);
  await using fetcher = openChild({ timers });
  for (const round of [0, 1]) {
    const sink = new TestSink(content.task);
    const fetched = fetchFrom(raw, fetcher, sink);
    while (raw.guests[round]?.heard.some(({ type }) => type === "want") !== true) await setImmediate();
    const guest = raw.guests[round];
    const { frame, body } = pieceOf(content, 0);
    guest.say(HELLO, frame, body, { type: "end", request: 1 });
    assert.equal(await fetched, undefined);
    timers.advance(59_000);
    await setImmediate();
    const isClosed = (): boolean => guest.socket.destroyed;
    assert.equal(isClosed(), false);
    timers.advance(2_000);
    while (!isClosed()) await setImmediate();
  }
});

test("a connection that nobody needs makes room for another parent, one in use does not", async () => {
  const content = contentOf("room", 1000);
  const { frame, body } = pieceOf(content, 0);
  await using first = await RawParent.listen(parent);
  await using second = await RawParent.listen(child);
  await using fetcher = openPieceFetcher(
    { encryption: "tls", maxConnections: 1 },
    { identity: child, gate: openGate, log: silentLog, observe: () => {} },
  );
  const fromFirst = fetchFrom(first, fetcher, new TestSink(content.task));
  const guest = await first.heard("want");
  const other = (): Promise<ChannelFailure | undefined> =>
    fetcher.fetch({
      parent: { host: child.host, address: second.address },
      task: content.task,
      run: { first: 0, stride: 1, count: 1 },
      sink: new TestSink(content.task),
      signal: new AbortController().signal,
    });
  assert.equal(await other(), "parent-busy");
  guest.say(HELLO, frame, body, { type: "end", request: 1 });
  assert.equal(await fromFirst, undefined);
  const fromSecond = other();
  (await second.heard("want")).say(HELLO, frame, body, { type: "end", request: 1 });
  assert.equal(await fromSecond, undefined);
  while (!guest.socket.destroyed) await setImmediate();
});

test("bytes come no faster than the limit lets them pass, and waiting for it is no silence of the parent", async () => {
  const content = contentOf("limit", 700_000);
  const timers = new StoppedClock();
  const gates: (() => void)[] = [];
  let passed = 0;
  const limit: ByteLimit = {
    tryTake: () => false,
    take: (bytes) => {
      passed += bytes;
      return new Promise((resolve) => gates.push(resolve));
    },
  };
  await using raw = await RawParent.listen(parent);
  await using fetcher = openChild({ timers, downloadLimit: limit });
  const sink = new TestSink(content.task);
  const fetched = fetchFrom(raw, fetcher, sink);
  const all = [0, 1, 2].map((piece) => pieceOf(content, piece));
  (await raw.heard("want")).say(HELLO, ...all.flatMap(({ frame, body }) => [frame, body]), { type: "end", request: 1 });
  while (gates.length === 0) await setImmediate();
  timers.advance(20_000);
  for (let turn = 0; turn < 50; turn++) await setImmediate();
  assert.equal(gates.length, 1, "one portion is asked for at a time");
  while (sink.ended.length < 3) {
    gates.shift()?.();
    await setImmediate();
  }
  for (const open of gates) open();
  assert.equal(await fetched, undefined);
  assert.equal(passed, content.task.size);
  await sink.assertWhole(content);
});

test("a run of more pieces than one request names is asked for in parts", async () => {
  const task: Task = { digest: contentOf("huge", 10).task.digest, size: 8 * 1024 ** 4 };
  const pieces = pieceCount(task.size);
  const skip = PieceSet.full(pieces);
  skip.delete(5);
  skip.delete(70_000);
  await using raw = await RawParent.listen(parent);
  await using fetcher = openChild();
  const stop = new AbortController();
  const fetched = fetchFrom(raw, fetcher, new TestSink(task), { skip, run: { first: 0, stride: 1, count: pieces }, signal: stop.signal });
  const guest = await raw.heard("want");
  guest.say(HELLO, { type: "refuse", request: 1, reason: "busy" });
  assert.equal(await fetched, "parent-busy");
  skip.add(5);
  void fetchFrom(raw, fetcher, new TestSink(task), { skip, run: { first: 0, stride: 1, count: pieces }, signal: stop.signal });
  await raw.heard("want", 2);
  const [first, second] = guest.heard.filter((frame) => frame.type === "want");
  assert.deepEqual(first?.want.run, { first: 0, stride: 1, count: 65_536 });
  assert.deepEqual(second?.want.run, { first: 65_536, stride: 1, count: 65_536 });
  assert.deepEqual([...PieceSet.fromBytes(65_536, second.want.skip)].length, 65_535);
  stop.abort();
});
