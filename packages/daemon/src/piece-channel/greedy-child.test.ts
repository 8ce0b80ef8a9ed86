import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { encodePieceFrame, PIECE_CHANNEL_VERSION } from "@darner/protocol";
import { parseListen, silentLog } from "@darner/runtime";
import { noLeaks, openTempDir, type TempDir } from "@darner/testkit";
import { contentOf, FakeBlob, FakeStore } from "../../test/fake-blobs.ts";
import { RawChild } from "../../test/raw-child.ts";
import { openIdentity, type Identity } from "../identity/identity.ts";
import { openGate } from "../membership/member-gate.ts";
import type { ByteLimit, ChannelEvent } from "./channel-event.ts";
import { openPieceServer, type PieceServer, type PieceServerConfig } from "./piece-server.ts";

noLeaks();

let dirs: TempDir[] = [];
let parent: Identity;
let greedy: Identity;
let honest: Identity;

before(async () => {
  dirs = await Promise.all([openTempDir(), openTempDir(), openTempDir()]);
  const open = (at: number): Promise<Identity> => openIdentity(dirs[at]?.path ?? "");
  [parent, greedy, honest] = await Promise.all([open(0), open(1), open(2)]);
});

after(async () => {
  for (const dir of dirs) await dir[Symbol.asyncDispose]();
});

/** An upload limit that lets one portion pass whenever the test says so, in the order they were asked for. */
class Turnstile implements ByteLimit {
  readonly waiting: (() => void)[] = [];
  #onWaiting: (() => void) | undefined;

  tryTake(): boolean {
    return false;
  }

  take(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.#onWaiting?.();
    });
  }

  async letPass(atLeastWaiting: number): Promise<void> {
    while (this.waiting.length < atLeastWaiting) await new Promise<void>((resolve) => (this.#onWaiting = resolve));
    this.waiting.shift()?.();
  }
}

type Rig = AsyncDisposable & { readonly server: PieceServer; readonly store: FakeStore; readonly events: ChannelEvent[] };

async function openRig(config: Partial<PieceServerConfig>, uploadLimit?: ByteLimit): Promise<Rig> {
  const store = new FakeStore();
  const events: ChannelEvent[] = [];
  const server = await openPieceServer(
    { listen: "127.0.0.1:0", encryption: "tls", ...config },
    {
      identity: parent,
      store: store.asStore(),
      lend: () => undefined,
      gate: openGate,
      log: silentLog,
      observe: (event) => events.push(event),
      ...(uploadLimit === undefined ? {} : { uploadLimit }),
    },
  );
  return { server, store, events, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

function refusals(events: readonly ChannelEvent[]): string[] {
  return events.flatMap((event) => (event.type === "connection-refused" ? [event.reason] : []));
}

test("a host with four connections and a hundred requests on each gets as many bytes as one with one of each", async () => {
  const turnstile = new Turnstile();
  await using rig = await openRig({}, turnstile);
  const content = contentOf("shared", 30_000_000);
  rig.store.put(new FakeBlob(content));
  const greedyChildren = await Promise.all([1, 2, 3, 4].map(() => RawChild.connect(rig.server.address, greedy)));
  for (const child of greedyChildren) {
    child.greet();
    for (let request = 0; request < 100; request += 1) child.want(request, content.task, 115);
  }
  using patient = await RawChild.connect(rig.server.address, honest);
  patient.greet();
  patient.want(1, content.task, 115);
  for (let passed = 0; passed < 200; passed += 1) await turnstile.letPass(2);
  const ofGreedy = (): number => greedyChildren.reduce((sum, child) => sum + child.pieceBytes, 0);
  const sent = 199 * 65_536;
  while (ofGreedy() + patient.pieceBytes < sent) await new Promise((resolve) => setImmediate(resolve));
  const share = patient.pieceBytes / (ofGreedy() + patient.pieceBytes);
  assert.ok(share > 0.48 && share < 0.52, `the honest child got ${String(patient.pieceBytes)}, the greedy ones ${String(ofGreedy())}`);
  for (const child of greedyChildren) child.socket.destroy();
  patient.socket.destroy();
  // What was asked of the limit is waited for when the server ends.
  const drain = setInterval(() => turnstile.waiting.shift()?.(), 1);
  await rig.server[Symbol.asyncDispose]();
  clearInterval(drain);
});

test("a child that reads nothing is cut sooner where another waits for the buffers it holds", async () => {
  await using rig = await openRig({ buffers: 1, timeouts: { heartbeatMs: 10, stalledMs: 3_600_000, stalledWhileScarceMs: 50 } });
  const content = contentOf("held", 60_000_000);
  rig.store.put(new FakeBlob(content));
  using stalled = await RawChild.connect(rig.server.address, greedy);
  stalled.socket.pause();
  stalled.greet();
  stalled.want(1, content.task, 200);
  using patient = await RawChild.connect(rig.server.address, honest);
  patient.greet();
  patient.want(1, content.task, 40);
  await patient.until((self) => self.heard("end").length === 1);
  assert.equal(patient.pieceBytes, 40 * 262_144);
  assert.deepEqual(refusals(rig.events), ["stalled"]);
});

test("a child that asks and takes back without end is let go, and the others are served", async () => {
  await using rig = await openRig({});
  const content = contentOf("fickle", 600_000);
  rig.store.put(new FakeBlob(content));
  using fickle = await RawChild.connect(rig.server.address, greedy);
  fickle.greet();
  const cancel = encodePieceFrame({ type: "cancel", request: 1 });
  fickle.socket.write(Buffer.concat(Array.from({ length: 25_000 }, () => cancel)));
  await fickle.untilClosed();
  assert.deepEqual(refusals(rig.events), ["too-greedy"]);
  using patient = await RawChild.connect(rig.server.address, honest);
  patient.say({ type: "hello", version: PIECE_CHANNEL_VERSION });
  patient.want(1, content.task, 3);
  await patient.until((self) => self.heard("end").length === 1);
});

for (const encryption of ["tls", "none"] as const) {
  test(`one address holds at most half of the places for strangers, and half are left for others (${encryption})`, async () => {
    await using rig = await openRig({ encryption, countsLoopback: true, timeouts: { handshakeMs: 3_600_000 } });
    const at = parseListen(rig.server.address);
    assert.ok(at !== undefined);
    const sockets = Array.from({ length: 32 }, () => connect(at));
    for (const socket of sockets) await once(socket, "connect");
    const one = connect(at);
    one.on("error", () => {});
    one.resume();
    await once(one, "close");
    assert.equal(refusals(rig.events)[0], "too-many");
    const closed = sockets.map((socket) => once(socket, "close"));
    for (const socket of sockets) socket.destroy();
    await Promise.all(closed);
  });
}
