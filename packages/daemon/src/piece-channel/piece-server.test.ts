import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { pieceRange, type HostId } from "@darner/domain";
import { encodePieceFrame, PIECE_CHANNEL_VERSION } from "@darner/protocol";
import { parseListen, silentLog, StartError, TokenBucket } from "@darner/runtime";
import { noLeaks, openTempDir, type TempDir } from "@darner/testkit";
import fc from "fast-check";
import { contentOf, FakeBlob, FakeStore } from "../../test/fake-blobs.ts";
import { RawChild } from "../../test/raw-child.ts";
import { openIdentity, type Identity } from "../identity/identity.ts";
import { gateFor } from "../../test/gate-for.ts";
import type { ByteLimit, ChannelEncryption, ChannelEvent } from "./channel-event.ts";
import { KeyProof } from "./key-proof.ts";
import { openPieceServer, type PieceServer, type PieceServerConfig } from "./piece-server.ts";

noLeaks();

let dirs: TempDir[] = [];
let parent: Identity;
let member: Identity;
let stranger: Identity;

before(async () => {
  dirs = await Promise.all([openTempDir(), openTempDir(), openTempDir()]);
  const open = (at: number): Promise<Identity> => openIdentity(dirs[at]?.path ?? "");
  [parent, member, stranger] = await Promise.all([open(0), open(1), open(2)]);
});

after(async () => {
  for (const dir of dirs) await dir[Symbol.asyncDispose]();
});

type Rig = AsyncDisposable & {
  readonly server: PieceServer;
  readonly store: FakeStore;
  readonly events: ChannelEvent[];
  readonly members: Set<HostId>;
};

async function openRig(config: Partial<PieceServerConfig> = {}, uploadLimit?: ByteLimit): Promise<Rig> {
  const store = new FakeStore();
  const events: ChannelEvent[] = [];
  const members = new Set([member.host]);
  const server = await openPieceServer(
    { listen: "127.0.0.1:0", encryption: "tls", ...config },
    {
      identity: parent,
      store: store.asStore(),
      lend: () => undefined,
      gate: gateFor((host) => members.has(host)),
      log: silentLog,
      observe: (event) => events.push(event),
      ...(uploadLimit === undefined ? {} : { uploadLimit }),
    },
  );
  return { server, store, events, members, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** A member that goes away is served: the server lives. */
async function assertServes(rig: Rig): Promise<void> {
  const content = contentOf("alive", 300_000);
  rig.store.put(new FakeBlob(content));
  using child = await RawChild.connect(rig.server.address, member);
  child.greet();
  child.want(1, content.task, 2);
  await child.until(({ frames }) => frames.at(-1)?.type === "end");
  assert.equal(child.pieceBytes, 300_000);
}

test("who is no member, or shows no key, hears not one byte", async () => {
  await using rig = await openRig();
  for (const identity of [stranger, undefined]) {
    using child = await RawChild.connect(rig.server.address, identity);
    child.greet();
    await child.untilClosed();
    assert.deepEqual(child.frames, []);
  }
  assert.deepEqual(
    rig.events.map((event) => (event.type === "connection-refused" ? event.reason : event.type)),
    ["not-admitted", "handshake-failed"],
  );
  await assertServes(rig);
});

test("a member that is removed is cut off within a beat", async () => {
  await using rig = await openRig({ timeouts: { heartbeatMs: 5 } });
  const blob = rig.store.put(new FakeBlob(contentOf("removed", 300_000), []));
  using child = await RawChild.connect(rig.server.address, member);
  child.greet();
  child.want(1, blob.content.task, 2);
  await child.until(({ frames }) => frames.some(({ type }) => type === "waiting"));
  rig.members.delete(member.host);
  await child.untilClosed();
  assert.equal(blob.held, 0);
});

test("a child that waits gets signs of life", async () => {
  await using rig = await openRig({ timeouts: { heartbeatMs: 5 } });
  const blob = rig.store.put(new FakeBlob(contentOf("alive", 600_000), [0]));
  using child = await RawChild.connect(rig.server.address, member);
  child.greet();
  child.want(7, blob.content.task, 3);
  await child.until((self) => self.heard("waiting").length >= 3);
  assert.deepEqual(child.heard("waiting")[0], { type: "waiting", request: 7 });
  assert.deepEqual(child.heard("piece"), [{ type: "piece", request: 7, piece: 0, length: 262_144 }]);
});

test("two blobs asked for on one connection come in turns", async () => {
  await using rig = await openRig();
  const [left, right] = [contentOf("left", 2_000_000), contentOf("right", 2_000_000)];
  for (const content of [left, right]) rig.store.put(new FakeBlob(content));
  using child = await RawChild.connect(rig.server.address, member);
  const wants = [left, right].map(({ task: { digest, size } }, request) => ({
    type: "want" as const,
    want: { request, digest, size, run: { first: 0, stride: 1, count: 8 }, skip: new Uint8Array() },
  }));
  child.say({ type: "hello", version: PIECE_CHANNEL_VERSION }, ...wants);
  await child.until((self) => self.heard("end").length === 2);
  assert.deepEqual(
    child.heard("piece").map((frame) => "request" in frame && frame.request),
    Array.from({ length: 16 }, (_, at) => at % 2),
  );
});

test("a cancelled request is answered, and its blob given back", async () => {
  await using rig = await openRig();
  const blob = rig.store.put(new FakeBlob(contentOf("cancelled", 600_000), []));
  using child = await RawChild.connect(rig.server.address, member);
  child.greet();
  child.want(1, blob.content.task, 3);
  child.say({ type: "cancel", request: 1 }, { type: "cancel", request: 99 });
  await child.until((self) => self.heard("end").length === 1);
  assert.deepEqual([blob.held, blob.listeners.size], [0, 0]);
});

test("a false length, garbage, and what no child may say end the connection, not the server", async () => {
  await using rig = await openRig();
  const { task } = rig.store.put(new FakeBlob(contentOf("bad", 600_000))).content;
  const hello = encodePieceFrame({ type: "hello", version: PIECE_CHANNEL_VERSION });
  const want = (first: number, count: number): Uint8Array =>
    encodePieceFrame({ type: "want", want: { request: 1, ...task, run: { first, stride: 1, count }, skip: new Uint8Array() } });
  const bad = [
    // A request that says it is 4 GiB long.
    Buffer.concat([hello, Uint8Array.of(4, 0xff, 0xff, 0xff, 0xff)]),
    Buffer.concat([hello, hello]),
    encodePieceFrame({ type: "hello", version: PIECE_CHANNEL_VERSION + 1 }),
    // Before the greeting.
    want(0, 1),
    // A blob of three pieces has no fourth.
    Buffer.concat([hello, want(0, 4)]),
    Buffer.concat([hello, want(3, 1)]),
    // One name for two requests that stand.
    Buffer.concat([hello, want(0, 3), want(0, 3)]),
    Buffer.from("GET / HTTP/1.1\r\nHost: pieces\r\n\r\n"),
  ];
  for (const bytes of bad) {
    using child = await RawChild.connect(rig.server.address, member);
    child.socket.write(bytes);
    await child.untilClosed();
  }
  assert.equal(
    rig.events.filter((event) => event.type === "connection-refused" && event.reason === "protocol-violation").length,
    bad.length,
  );
  await assertServes(rig);
});

test("whatever bytes a member sends, the server lives", async () => {
  await using rig = await openRig();
  const hello = encodePieceFrame({ type: "hello", version: PIECE_CHANNEL_VERSION });
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.boolean(), async (bytes, polite) => {
      using child = await RawChild.connect(rig.server.address, member);
      child.socket.end(polite ? Buffer.concat([hello, bytes]) : bytes);
      await child.untilClosed();
    }),
    { numRuns: 40 },
  );
  await assertServes(rig);
});

test("a digest that cannot be checked is a blob that is not known", async () => {
  await using rig = await openRig();
  using child = await RawChild.connect(rig.server.address, member);
  child.greet();
  for (const [request, digest] of ["md5:00", "sha256:00", "", "no digest\0"].entries()) {
    child.say({ type: "want", want: { request, digest, size: 1, run: { first: 0, stride: 1, count: 1 }, skip: new Uint8Array() } });
  }
  await child.until((self) => self.heard("refuse").length === 4);
  assert.ok(child.heard("refuse").every((frame) => frame.type === "refuse" && frame.reason === "unknown"));
});

test("more requests than a child may have are refused, more connections than a host may have are closed", async () => {
  await using rig = await openRig();
  const { task } = rig.store.put(new FakeBlob(contentOf("many", 300_000), [])).content;
  using first = await RawChild.connect(rig.server.address, member);
  first.greet();
  for (let request = 0; request < 257; request++) first.want(request, task, 2);
  await first.until((self) => self.heard("refuse").length === 1);
  assert.deepEqual(first.heard("refuse"), [{ type: "refuse", request: 256, reason: "busy" }]);
  const others = await Promise.all([1, 2, 3].map(() => RawChild.connect(rig.server.address, member)));
  await Promise.all(others.map((child) => child.until((self) => self.heard("hello").length === 1)));
  using last = await RawChild.connect(rig.server.address, member);
  await last.untilClosed();
  assert.equal(rig.server.children, 4);
  for (const child of others) child.socket.destroy();
});

test("a child beyond the bound is turned away", async () => {
  await using rig = await openRig({ maxConnections: 1 });
  rig.members.add(stranger.host);
  using first = await RawChild.connect(rig.server.address, member);
  await first.until((self) => self.heard("hello").length === 1);
  using second = await RawChild.connect(rig.server.address, stranger);
  await second.untilClosed();
  assert.deepEqual(rig.events.at(-1), { type: "connection-refused", side: "parent", reason: "too-many" });
});

test("a disk that cannot be read ends the connection in the middle of the piece, not the server", async () => {
  await using rig = await openRig();
  const blob = rig.store.put(new FakeBlob(contentOf("unreadable", 300_000)));
  blob.readFailure = new Error("input/output error");
  using child = await RawChild.connect(rig.server.address, member);
  child.greet();
  child.want(1, blob.content.task, 2);
  await child.untilClosed();
  assert.equal(blob.held, 0);
  await assertServes(rig);
});

test("a child that reads nothing is cut off, and holds no more than its share until then", async () => {
  await using rig = await openRig({ timeouts: { heartbeatMs: 20, stalledMs: 100 } });
  const blob = rig.store.put(new FakeBlob(contentOf("stalled", 60_000_000)));
  using child = await RawChild.connect(rig.server.address, member);
  child.socket.pause();
  child.greet();
  child.want(1, blob.content.task, 200);
  while (!rig.events.some((event) => event.type === "connection-refused" && event.reason === "stalled"))
    await new Promise((resolve) => setImmediate(resolve));
  const sent = rig.events.reduce((sum, event) => sum + (event.type === "bytes-sent" ? event.bytes : 0), 0);
  assert.ok(sent < 30_000_000, `${String(sent)} bytes were read for a child that takes none`);
  while (blob.held > 0) await new Promise((resolve) => setImmediate(resolve));
});

test("a connection on which nothing is wanted is closed", async () => {
  await using rig = await openRig({ timeouts: { heartbeatMs: 5, idleMs: 20 } });
  using child = await RawChild.connect(rig.server.address, member);
  child.greet();
  await child.untilClosed();
  assert.deepEqual(child.frames, [{ type: "hello", version: PIECE_CHANNEL_VERSION }]);
});

test("pieces go out no faster than the limit says", async () => {
  using limit = new TokenBucket({ bytesPerSecond: 1_000_000, burstBytes: 100_000 });
  await using rig = await openRig({}, limit);
  const { task } = rig.store.put(new FakeBlob(contentOf("limited", 400_000))).content;
  using child = await RawChild.connect(rig.server.address, member);
  const begun = performance.now();
  child.greet();
  child.want(1, task, 2);
  await child.until((self) => self.heard("end").length === 1);
  // 400 kB less the burst take 0.3 s; the clock of the bucket may be a millisecond ahead.
  assert.ok(performance.now() - begun >= 290);
});

for (const encryption of ["tls", "none"] satisfies ChannelEncryption[]) {
  test(`a connection that proves nothing in time is closed (${encryption})`, async () => {
    await using rig = await openRig({ encryption, timeouts: { handshakeMs: 30 } });
    const at = parseListen(rig.server.address);
    assert.ok(at !== undefined);
    const socket = connect(at);
    socket.on("error", () => {});
    socket.resume();
    await once(socket, "close");
    assert.deepEqual(rig.events, [{ type: "connection-refused", side: "parent", reason: "handshake-failed" }]);
  });
}

test("without encryption, a key that is claimed but not shown is turned away", async () => {
  await using rig = await openRig({ encryption: "none" });
  const at = parseListen(rig.server.address);
  assert.ok(at !== undefined);
  const thief: Identity = { ...stranger, publicKey: member.publicKey };
  for (const identity of [thief, stranger]) {
    const proof = new KeyProof(identity, "child");
    const socket: Socket = connect(at);
    using child: RawChild = new RawChild(socket);
    socket.write(proof.opening());
    await child.until((self) => self.heard("proof").length === 1);
    for (const frame of child.frames.splice(0)) {
      const step = proof.hear(frame);
      if (step.type === "proven" && step.send !== undefined) socket.write(step.send);
    }
    await child.untilClosed();
    assert.deepEqual(child.frames, []);
  }
  assert.deepEqual(
    rig.events.map((event) => event.type === "connection-refused" && event.reason),
    ["handshake-failed", "not-admitted"],
  );
});

test("an address that is taken is told", async () => {
  await using rig = await openRig();
  for (const listen of [rig.server.address, "nonsense"]) {
    await assert.rejects(openRig({ listen }), (error) => error instanceof StartError && error.message.includes(listen));
  }
});

test("a piece that is being sent when the server stops is not cut by it", async () => {
  const rig = await openRig();
  const content = contentOf("stops", 900_000);
  rig.store.put(new FakeBlob(content, [0]));
  using child = await RawChild.connect(rig.server.address, member);
  child.greet();
  child.want(1, content.task, 4);
  await child.until((self) => self.heard("piece").length === 1);
  await rig[Symbol.asyncDispose]();
  await child.untilClosed();
  const { start, end } = pieceRange(content.task.size, 0);
  assert.equal(child.pieceBytes, end - start);
  assert.deepEqual(child.heard("refuse"), [{ type: "refuse", request: 1, reason: "busy" }]);
});
