import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, type Task } from "@darner/domain";
import type { Hello, HostMessage } from "@darner/protocol";
import { systemClock, type Timers } from "@darner/runtime";
import { noLeaks, StoppedClock } from "@darner/testkit";
import { eventually } from "../../test/eventually.ts";
import { helloOf, ScriptedDaemon } from "../../test/grpc/scripted-daemon.ts";
import { openDoor } from "../members/door.ts";
import { openSessionServer, type SessionServer } from "./session-server.ts";
import type { Session, SessionListener } from "./session.ts";

noLeaks();

const task: Task = { digest: digestOf(`sha256:${"a".repeat(64)}`), size: 64 * 1024 ** 3 };

/** Remembers what sessions tell. */
class Recorded implements SessionListener {
  readonly hellos: { readonly session: Session; readonly hello: Hello }[] = [];
  readonly messages: HostMessage[] = [];
  ended = 0;

  onHello(session: Session, hello: Hello): void {
    this.hellos.push({ session, hello });
    session.welcome("s", "0");
  }

  onMessage(_session: Session, message: HostMessage): void {
    this.messages.push(message);
  }

  readonly refused: string[] = [];
  slowed = 0;

  onSlowed(): void {
    this.slowed += 1;
  }

  onRefused(_session: Session, end: string): void {
    this.refused.push(end);
  }

  onEnd(): void {
    this.ended += 1;
  }
}

async function openBench(timers: Timers = systemClock): Promise<{ server: SessionServer; told: Recorded }> {
  const told = new Recorded();
  return { server: await openSessionServer({ listen: "127.0.0.1:0" }, { listener: told, door: openDoor, timers }), told };
}

test("a daemon is greeted, its address filled in from where it comes, and its end told once", async () => {
  const { server, told } = await openBench();
  await using _server = server;
  using daemon = new ScriptedDaemon(server.address);
  daemon.say({ hello: helloOf("a", ":4102") });
  await eventually(() => daemon.isWelcome, "welcome");
  assert.equal(told.hellos[0]?.hello.address, "127.0.0.1:4102");
  daemon.end();
  await eventually(() => daemon.ended !== undefined && told.ended === 1, "the session ends");
  assert.equal(daemon.ended?.status, "OK");
});

test("whatever is no hello at first is refused with INVALID_ARGUMENT and the field that is wrong", async () => {
  const { server, told } = await openBench();
  await using _server = server;
  const wrong: [object, RegExp][] = [
    [{}, /hello/],
    [{ dropped: [task] }, /hello/],
    [{ hello: { ...helloOf("a"), host: "nobody" } }, /hello\.host/],
    [{ hello: { ...helloOf("a"), address: "not an address" } }, /hello\.address/],
    [{ hello: { ...helloOf("a"), name: "x".repeat(300) } }, /hello\.name/],
  ];
  for (const [message, field] of wrong) {
    using daemon = new ScriptedDaemon(server.address);
    daemon.sayRaw(message as Record<string, unknown>);
    await eventually(() => daemon.ended !== undefined, "it is refused");
    assert.equal(daemon.ended?.status, "INVALID_ARGUMENT");
    assert.match(daemon.ended.details, field);
  }
  assert.equal(told.hellos.length, 0);
});

test("a message that breaks the protocol, or a second hello, ends a session that stood", async () => {
  const { server, told } = await openBench();
  await using _server = server;
  for (const message of [
    { reports: [{ task: { digest: "sha256:no", size: 1 }, close: {} }] },
    { reports: [{ task }] },
    { hello: helloOf("b") },
  ]) {
    using daemon = new ScriptedDaemon(server.address);
    daemon.say({ hello: helloOf("a") });
    await eventually(() => daemon.isWelcome, "welcome");
    const before = told.ended;
    daemon.sayRaw(message);
    await eventually(() => daemon.ended !== undefined && told.ended === before + 1, "it is ended");
    assert.equal(daemon.ended?.status, "INVALID_ARGUMENT");
  }
});

test("who says nothing is let go in time", async () => {
  const clock = new StoppedClock();
  const { server } = await openBench(clock);
  await using _server = server;
  using daemon = new ScriptedDaemon(server.address);
  await eventually(() => clock.waiting === 1, "the session began");
  clock.advance(5000);
  await eventually(() => daemon.ended !== undefined, "it is ended");
  assert.equal(daemon.ended?.status, "DEADLINE_EXCEEDED");
});

test("orders of one turn travel in one message, in their order", async () => {
  const { server, told } = await openBench();
  await using _server = server;
  using daemon = new ScriptedDaemon(server.address);
  daemon.say({ hello: helloOf("a") });
  await eventually(() => daemon.isWelcome, "welcome");
  for (const grant of [1, 2, 3]) told.hellos[0]?.session.order({ task, order: { type: "revoke-grant", grant } }, "awaited");
  await eventually(() => daemon.orders.length === 3, "the orders come");
  assert.deepEqual(
    daemon.messages.map(({ orders }) => orders.length).filter((count) => count > 0),
    [3],
  );
  assert.deepEqual(
    daemon.orders.map(({ order }) => (order.type === "revoke-grant" ? order.grant : 0)),
    [1, 2, 3],
  );
});

test("tables that together are larger than a message may be come in several", async () => {
  const { server, told } = await openBench();
  await using _server = server;
  using daemon = new ScriptedDaemon(server.address);
  daemon.say({ hello: helloOf("a") });
  await eventually(() => daemon.isWelcome, "welcome");
  const huge: Task = { ...task, size: 16 * 1024 ** 4 };
  const hashes = Array.from({ length: 60_000 }, (_, piece) => ({ piece, hash: new Uint8Array(32) }));
  for (let count = 0; count < 10; count += 1) told.hellos[0]?.session.order({ task: huge, order: { type: "table", hashes } }, "later");
  await eventually(() => daemon.orders.length === 10, "all tables come");
  assert.equal(daemon.ended, undefined);
});

test("a daemon that does not read its orders is given up", async () => {
  const { server, told } = await openBench();
  await using _server = server;
  using daemon = new ScriptedDaemon(server.address);
  daemon.say({ hello: helloOf("a") });
  await eventually(() => daemon.isWelcome, "welcome");
  daemon.pause();
  const session = told.hellos[0]?.session;
  const hashes = Array.from({ length: 200_000 }, (_, piece) => ({ piece, hash: new Uint8Array(32) }));
  const huge: Task = { ...task, size: 16 * 1024 ** 4 };
  for (let count = 0; count < 10; count += 1) session?.order({ task: huge, order: { type: "table", hashes } }, "later");
  assert.equal(told.ended, 1, "80 MB of orders waited");
});

test("a daemon that takes nothing for ten seconds is given up, however little waits for it", async () => {
  const clock = new StoppedClock();
  const { server, told } = await openBench(clock);
  await using _server = server;
  using daemon = new ScriptedDaemon(server.address);
  daemon.say({ hello: helloOf("a") });
  await eventually(() => daemon.isWelcome, "welcome");
  daemon.pause();
  const huge: Task = { ...task, size: 16 * 1024 ** 4 };
  const hashes = Array.from({ length: 50_000 }, (_, piece) => ({ piece, hash: new Uint8Array(32) }));
  told.hellos[0]?.session.order({ task: huge, order: { type: "table", hashes } }, "later");
  await eventually(() => clock.waiting === 1, "the table is on its way");
  clock.advance(9999);
  assert.equal(told.ended, 0);
  clock.advance(1);
  assert.deepEqual([told.ended, told.refused], [1, ["unread"]]);
});
