import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import type { Digest } from "@darner/domain";
import { noLeaks, seededBytes } from "@darner/testkit";
import { ask } from "../test/ask.ts";
import { openTestMirror } from "../test/open-test-mirror.ts";
import type { TestMirror } from "../test/open-test-mirror.ts";
import { bodyOf, openWire } from "../test/wire.ts";

const BYTES = seededBytes("short", 8_000_000);
const FAILS_AT = 3_000_000;

function get(digest: Digest, more = ""): string {
  return `GET /v2/a/b/blobs/${digest}?ns=quay.io HTTP/1.1\r\nHost: m\r\n${more}\r\n`;
}

function assertStrictPrefix(received: Buffer, atLeast: number): void {
  const body = bodyOf(received);
  assert.match(received.toString("latin1"), new RegExp(`\r\nContent-Length: ${String(BYTES.length)}\r\n`));
  assert.ok(body.length >= atLeast && body.length < BYTES.length, `${String(body.length)} bytes`);
  assert.ok(body.equals(BYTES.subarray(0, body.length)), "what came is not a prefix of the blob");
}

async function outcomes(t: TestMirror): Promise<string> {
  return t.metrics.metrics();
}

describe("responses that end short", () => {
  noLeaks();

  test("case 52: a reader that fails ends the response with a FIN after a strict prefix, also with unread input pending", async () => {
    const pending = ["", "GET /v2/ HTTP/1.1\r\nHost: m\r\n\r\n".repeat(200), "x".repeat(4_000_000)];
    for (const input of pending) {
      await using t = await openTestMirror();
      const { promise: until, resolve } = Promise.withResolvers<undefined>();
      const script = { failsAt: FAILS_AT, holdsAt: { byte: FAILS_AT, until } };
      const digest = t.backend.addBlob("quay.io/a/b", BYTES, script);
      await using wire = await openWire(t.port);
      wire.send(get(digest));
      await wire.until("\r\n\r\n");
      wire.send(input);
      resolve(undefined);
      assert.equal(await wire.ended(), "fin", `${String(input.length)} bytes of input`);
      assertStrictPrefix(wire.received(), FAILS_AT - 70_000);
      assert.deepEqual([t.backend.lent, t.backend.openReaders, t.backend.openBlobs], [0, 0, 0]);
      assert.match(await outcomes(t), /darner_mirror_requests_total\{route="blob",outcome="ended-short"\} 1/);
      const [warning] = t.log.lines.filter(({ level }) => level === "warn");
      assert.deepEqual([warning?.message, warning?.fields["digest"]], ["response ended short", digest]);
    }
  });

  test("case 52: a body of the request that was never read makes no reset either", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { failsAt: FAILS_AT });
    await using wire = await openWire(t.port);
    wire.send(get(digest, "Content-Length: 6000000\r\n"));
    wire.send(new Uint8Array(6_000_000));
    assert.equal(await wire.ended(), "fin");
    assertStrictPrefix(wire.received(), FAILS_AT - 70_000);
  });

  test("case 52: the same while the client does not read at first", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { failsAt: 7_900_000 });
    await using wire = await openWire(t.port);
    wire.socket.pause();
    wire.send(get(digest));
    wire.send("GET /v2/ HTTP/1.1\r\nHost: m\r\n\r\n".repeat(20_000));
    await quiet(() => t.backend.readBytes);
    wire.socket.resume();
    assert.equal(await wire.ended(), "fin");
    assertStrictPrefix(wire.received(), 7_900_000 - 70_000);
  });

  test("what the client still sends after a short end is read and discarded, however its connection stood", async () => {
    const flood = 30_000_000;
    const pipelined = "GET /v2/ HTTP/1.1\r\nHost: m\r\n\r\n";
    const inputs: [string, string | Uint8Array, string][] = [
      ["rubbish", new Uint8Array(flood), ""],
      ["requests", pipelined.repeat(flood / pipelined.length), ""],
      ["a body", new Uint8Array(flood), `Content-Length: ${String(flood)}\r\n`],
    ];
    for (const [what, input, header] of inputs) {
      await using t = await openTestMirror({ lingerMs: 60_000 });
      const digest = t.backend.addBlob("quay.io/a/b", BYTES, { failsAt: 7_900_000 });
      await using wire = await openWire(t.port);
      wire.socket.pause();
      wire.send(get(digest, header));
      const { promise: taken, resolve } = Promise.withResolvers<unknown>();
      wire.socket.write(input, resolve);
      await quiet(() => t.backend.readBytes);
      wire.socket.resume();
      assert.equal(await wire.ended(), "fin", what);
      assert.equal((await taken) ?? undefined, undefined, what);
      wire.socket.end();
    }
  });

  test("case 53: a blob whose last byte is withheld and then fails never becomes complete", async () => {
    await using t = await openTestMirror();
    const { promise: until, resolve } = Promise.withResolvers<undefined>();
    const last = BYTES.length - 1;
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { failsAt: last, holdsAt: { byte: last, until }, chunkBytes: last });
    await using wire = await openWire(t.port);
    wire.send(get(digest));
    while (bodyOf(wire.received()).length < last) await once(wire.socket, "data");
    resolve(undefined);
    assert.equal(await wire.ended(), "fin");
    assert.equal(bodyOf(wire.received()).length, last);
  });

  test("case 52: several ranges, the second of which fails", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { failsAt: 5000 });
    await using wire = await openWire(t.port);
    wire.send(get(digest, "Range: bytes=0-99,4990-5100\r\n"));
    assert.equal(await wire.ended(), "fin");
    const length = Number(/Content-Length: ([0-9]+)/.exec(wire.received().toString("latin1"))?.[1]);
    assert.ok(bodyOf(wire.received()).length < length);
    assert.equal(t.backend.openReaders, 0);
  });

  test("case 51: of a blob of unknown size that fails neither the last bytes nor the terminator are sent", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES.subarray(0, 300_000), { hidesSize: true, chunkBytes: 100_000, failsAt: 250_000 });
    await using wire = await openWire(t.port);
    wire.send(get(digest));
    assert.equal(await wire.ended(), "fin");
    const body = bodyOf(wire.received()).toString("latin1");
    assert.ok(!body.endsWith("0\r\n\r\n"));
    assert.equal(body.length, "186a0\r\n".length + 100_000 + 2, "the second buffer was held back");
    assert.equal(t.backend.lent, 0);
  });

  test("case 59: HTTP/1.0 cannot tell the end of a blob of unknown size, so it gets none", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { hidesSize: true });
    await using wire = await openWire(t.port);
    wire.send(`GET /v2/a/b/blobs/${digest}?ns=quay.io HTTP/1.0\r\n\r\n`);
    assert.equal(await wire.ended(), "fin");
    assert.match(wire.received().toString(), /^HTTP\/1\.1 503 /);
  });

  test("a reader that gives more or less than was asked for never makes a response look whole", async () => {
    await using t = await openTestMirror();
    const pastEnd = t.backend.addBlob("quay.io/a/b", BYTES, { size: BYTES.length + 10 });
    await assert.rejects(ask(t.port, `/v2/a/b/blobs/${pastEnd}?ns=quay.io`), { code: "ECONNRESET" });
    const tooMuch = t.backend.addBlob("quay.io/a/b", BYTES, { at: () => BYTES });
    await assert.rejects(ask(t.port, `/v2/a/b/blobs/${tooMuch}?ns=quay.io`, { headers: { Range: "bytes=0-1" } }), { code: "ECONNRESET" });
  });

  test("the head of a body whose bytes are long in coming leaves before them", async () => {
    await using t = await openTestMirror();
    const { promise: until, resolve } = Promise.withResolvers<undefined>();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { holdsAt: { byte: 0, until } });
    const answer = await fetch(`http://127.0.0.1:${String(t.port)}/v2/a/b/blobs/${digest}?ns=quay.io`, {
      headers: { connection: "close" },
    });
    assert.equal(answer.headers.get("content-length"), String(BYTES.length));
    resolve(undefined);
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), Buffer.from(BYTES));
  });

  test("case 54: a reader that stalls is given up and the response ended short", async () => {
    await using t = await openTestMirror({ stallTimeoutMs: 30 });
    const never = new Promise(() => {});
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { holdsAt: { byte: FAILS_AT, until: never } });
    const hidden = t.backend.addBlob("quay.io/a/b", BYTES.subarray(1), { holdsAt: { byte: FAILS_AT, until: never }, hidesSize: true });
    await using wire = await openWire(t.port);
    wire.send(get(digest));
    assert.equal(await wire.ended(), "fin");
    assertStrictPrefix(wire.received(), FAILS_AT - 70_000);
    await using chunked = await openWire(t.port);
    chunked.send(get(hidden));
    assert.equal(await chunked.ended(), "fin");
    assert.ok(!chunked.received().toString("latin1").endsWith("0\r\n\r\n"));
    assert.equal(t.backend.openReaders, 0);
  });

  test("cases 46 and 55: a client that leaves frees reader and blob at once, and is no error", async () => {
    await using t = await openTestMirror();
    const never = new Promise(() => {});
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { holdsAt: { byte: FAILS_AT, until: never } });
    for (const reset of [false, true]) {
      const wire = await openWire(t.port);
      wire.send(get(digest, "Range: bytes=0-\r\n"));
      while (bodyOf(wire.received()).length < 1000) await once(wire.socket, "data");
      const [server] = [...(await connectionsOf(t))];
      assert.equal(server, 1);
      if (reset) wire.socket.resetAndDestroy();
      else wire.socket.destroy();
      await once(wire.socket, "close");
      while (t.backend.openBlobs > 0) await turn();
    }
    assert.deepEqual([t.backend.lent, t.backend.openReaders, t.backend.openBlobs], [0, 0, 0]);
    assert.deepEqual(
      t.log.lines.filter(({ level }) => level === "error" || level === "warn"),
      [],
    );
    assert.match(await outcomes(t), /darner_mirror_requests_total\{route="blob",outcome="client-gone"\} 2/);
  });

  test("case 55: a client that leaves before the first byte aborts the backend's work, and what comes late is closed", async () => {
    await using t = await openTestMirror();
    const { promise: gate, resolve } = Promise.withResolvers<undefined>();
    t.backend.gate = gate;
    const digest = t.backend.addBlob("quay.io/a/b", BYTES);
    const wire = await openWire(t.port);
    wire.send(get(digest));
    while (t.backend.blobRequests.length === 0) await turn();
    wire.socket.resetAndDestroy();
    const signal = t.backend.blobRequests[0]?.signal;
    assert.ok(signal !== undefined);
    if (!signal.aborted) await once(signal, "abort");
    resolve(undefined);
    await turn();
    assert.deepEqual([t.backend.openBlobs, t.backend.openReaders], [0, 0]);
  });

  test("case 68: a backend that takes too long is answered 503 in time, and what comes late is closed", async () => {
    await using t = await openTestMirror({ firstByteTimeoutMs: 30 });
    const { promise: gate, resolve } = Promise.withResolvers<undefined>();
    t.backend.gate = gate;
    const digest = t.backend.addBlob("quay.io/a/b", BYTES);
    for (const path of [`/v2/a/b/blobs/${digest}`, "/v2/a/b/manifests/v1", "/v2/a/b/tags/list", "/v2/"]) {
      assert.equal((await ask(t.port, `${path}?ns=quay.io`)).status, 503, path);
    }
    resolve(undefined);
    await turn();
    assert.equal(t.backend.openBlobs, 0);
    t.backend.addBlob("quay.io/a/b", BYTES, { ready: () => new Promise(() => {}) });
    assert.equal((await ask(t.port, `/v2/a/b/blobs/${digest}?ns=quay.io`)).status, 503);
    assert.equal(t.backend.openBlobs, 0);
  });

  test("a backend that breaks its word is a 500 that the log explains, and the mirror lives on", async () => {
    await using t = await openTestMirror();
    t.backend.gate = Promise.reject(new Error("bug"));
    t.backend.gate.catch(() => {});
    assert.equal((await ask(t.port, "/v2/a/b/manifests/v1?ns=quay.io")).status, 500);
    assert.equal(t.log.lines.filter(({ level }) => level === "error").length, 1);
    t.backend.gate = Promise.resolve();
    assert.equal((await ask(t.port, "/v2/a/b/manifests/v1?ns=quay.io")).status, 404);
  });
});

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Waits until a figure has not moved for many turns of the event loop. */
async function quiet(figure: () => number): Promise<void> {
  let before = figure();
  for (let still = 0; still < 200; still += 1) {
    await turn();
    if (figure() !== before) still = 0;
    before = figure();
  }
}

function connectionsOf(t: TestMirror): Promise<[number]> {
  return new Promise((resolve) => {
    t.mirror.server.getConnections((_error, count) => {
      resolve([count]);
    });
  });
}
