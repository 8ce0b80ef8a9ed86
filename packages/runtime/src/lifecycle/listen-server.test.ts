import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { test } from "node:test";
import { StartError } from "../start-error.ts";
import { listenError, listenServer } from "./listen-server.ts";

/** A server that is closed at the end of its block. */
function disposable(): AsyncDisposable & { server: Server } {
  const server = createServer();
  const close = async (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    server.close(() => resolve(undefined));
    await promise;
  };
  return { server, [Symbol.asyncDispose]: close };
}

async function startErrorOf(attempt: Promise<unknown>): Promise<StartError> {
  try {
    await attempt;
  } catch (error) {
    assert.ok(error instanceof StartError);
    return error;
  }
  assert.fail("it started");
}

test("port 0 is resolved to the port the system chose", async () => {
  await using one = disposable();
  const address = await listenServer(one.server, "127.0.0.1:0", "listen.mirror");
  assert.equal(address.host, "127.0.0.1");
  assert.ok(address.port > 0);
});

test("a port that is taken is named with the key that sets it", async () => {
  await using one = disposable();
  await using two = disposable();
  const { port } = await listenServer(one.server, "127.0.0.1:0", "listen.mirror");
  const address = `127.0.0.1:${String(port)}`;
  const error = await startErrorOf(listenServer(two.server, address, "listen.admin"));
  assert.deepEqual(error.detail, { code: "address-in-use", address, key: "listen.admin" });
  assert.equal(error.message, `address ${address} (listen.admin) is in use by another process: stop it or set listen.admin`);
});

test("an address that is not this machine's is named", async () => {
  await using one = disposable();
  const error = await startErrorOf(listenServer(one.server, "192.0.2.1:0", "listen.pieces"));
  assert.equal(error.detail.code, "address-not-here");
  assert.match(error.message, /^address 192\.0\.2\.1:0 \(listen\.pieces\) is not an address of this machine/);
});

test("what is not host:port is refused", async () => {
  await using one = disposable();
  assert.equal((await startErrorOf(listenServer(one.server, "nonsense", "listen.p2p"))).detail.code, "listen-failed");
});

test("a library's own error is read by the system's code in its message", () => {
  assert.equal(listenError(new Error("bind EADDRINUSE ::1:4110"), "[::1]:4110", "listen.grpc").detail.code, "address-in-use");
  assert.equal(listenError(Object.assign(new Error("x"), { code: "EACCES" }), "0.0.0.0:80", "listen.http").detail.code, "address-denied");
  const other = listenError(new Error("odd"), "0.0.0.0:80", "listen.http");
  assert.equal(other.detail.code, "listen-failed");
  assert.match(other.message, /odd/);
});
