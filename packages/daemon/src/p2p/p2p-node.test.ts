import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { silentLog } from "@darner/runtime";
import { activeResources, openTempDir, type TempDir } from "@darner/testkit";
import { openIdentity, type Identity } from "../identity/identity.ts";
import { openGate } from "../membership/member-gate.ts";
import { openP2pNode } from "./p2p-node.ts";
import { P2pError, type P2pDeps, type P2pNode, type P2pProblem } from "./p2p.ts";

let dirs: TempDir[] = [];
let left: Identity;
let right: Identity;

before(async () => {
  dirs = await Promise.all([openTempDir(), openTempDir()]);
  [left, right] = await Promise.all([openIdentity(dirs[0]?.path ?? ""), openIdentity(dirs[1]?.path ?? "")]);
});

after(async () => {
  for (const dir of dirs) await dir[Symbol.asyncDispose]();
  // libp2p leaves a timer of one second behind when it stops (its address book): only what is open to the network is counted.
  const open = (): boolean => ["TCPServerWrap", "TCPSocketWrap"].some((kind) => activeResources().has(kind));
  for (let turn = 0; open() && turn < 2000; turn++) await setImmediate();
  assert.equal(open(), false);
});

const WAIT_MS = 5_000;

function open(identity: Identity, deps: Partial<P2pDeps> = {}): Promise<P2pNode> {
  return openP2pNode(
    { listen: "127.0.0.1:0", identity },
    { log: silentLog, gate: openGate, status: () => Promise.resolve({ host: identity.host }), ...deps },
  );
}

function fails(code: P2pProblem["code"]): (error: unknown) => boolean {
  return (error) => error instanceof P2pError && error.detail.code === code;
}

test("two hosts tell each other their status, under the ids of their keys", async () => {
  const long = {
    host: right.host,
    peers: Array.from({ length: 3000 }, (_, at) => ({ digest: `sha256:${String(at).padStart(64, "0")}`, bytes: at })),
  };
  await using a = await open(left);
  await using b = await open(right, { status: () => Promise.resolve(long) });
  assert.deepEqual(await a.askStatus({ host: right.host, address: b.address }, WAIT_MS), long);
  assert.deepEqual(await b.askStatus({ host: left.host, address: a.address }, WAIT_MS), { host: left.host });
  const [address, port] = b.address.split(":");
  assert.deepEqual(await a.askStatus(`/ip4/${address ?? ""}/tcp/${port ?? ""}/p2p/${right.host}`, WAIT_MS), long);
});

test("another host at the address is not believed", async () => {
  await using a = await open(left);
  await using b = await open(right);
  const { host } = await openIdentity(dirs[0]?.path ?? "");
  await assert.rejects(b.askStatus({ host: right.host, address: a.address }, WAIT_MS), fails("unreachable"));
  assert.equal((await b.askStatus({ host, address: a.address }, WAIT_MS))["host"], left.host);
  assert.ok(b.address.startsWith("127.0.0.1:"));
});

test("who is no member gets no answer", async () => {
  await using a = await open(left);
  await using b = await open(right, { gate: { ...openGate, denies: (host) => host === left.host } });
  await assert.rejects(a.askStatus({ host: right.host, address: b.address }, WAIT_MS), fails("unreachable"));
});

test("a host that cannot say how it is ends the question", async () => {
  await using a = await open(left);
  await using b = await open(right, { status: () => Promise.reject(new Error("not now")) });
  await using c = await open(right, { status: () => Promise.resolve({ much: "x".repeat(2_000_000) }) });
  for (const node of [b, c]) await assert.rejects(a.askStatus({ host: right.host, address: node.address }, WAIT_MS), P2pError);
});

test("a host that does not answer is given up in time", async () => {
  await using a = await open(left);
  const { promise, resolve } = Promise.withResolvers<object>();
  await using b = await open(right, { status: () => promise });
  await assert.rejects(a.askStatus({ host: right.host, address: b.address }, 200), fails("timed-out"));
  resolve({});
});

test("what is no host, or no address, is told", async () => {
  await using a = await open(left);
  const server = createServer((socket) => socket.resume().end("220 hello\r\n")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await assert.rejects(a.askStatus({ host: right.host, address: `127.0.0.1:${String(port)}` }, WAIT_MS), fails("unreachable"));
  server.close();
  await assert.rejects(a.askStatus({ host: right.host, address: "127.0.0.1:1" }, WAIT_MS), fails("unreachable"));
  for (const target of ["nonsense", { host: right.host, address: "nonsense" }])
    await assert.rejects(a.askStatus(target, WAIT_MS), fails("bad-target"));
});

test("more hosts than libp2p would let in at once may come from one address", async () => {
  await using a = await open(left);
  const askers = await Promise.all(Array.from({ length: 12 }, () => open(right)));
  const answers = await Promise.all(askers.map((node) => node.askStatus({ host: left.host, address: a.address }, WAIT_MS)));
  assert.ok(answers.every((answer) => answer["host"] === left.host));
  for (const node of askers) await node[Symbol.asyncDispose]();
});
