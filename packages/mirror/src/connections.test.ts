import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noLeaks, seededBytes } from "@darner/testkit";
import { openTestMirror } from "../test/open-test-mirror.ts";
import { bodyOf, openWire } from "../test/wire.ts";

const BYTES = seededBytes("http", 4_000_000);
const OCI = "application/vnd.oci.image.manifest.v1+json";
const MANIFEST = "GET /v2/a/b/manifests/v1?ns=quay.io HTTP/1.1\r\nHost: m\r\n\r\n";

describe("slow, idle, greedy and half-closed connections", () => {
  noLeaks();

  test("an idle connection is closed after its time, with a FIN", async () => {
    await using t = await openTestMirror({ keepAliveTimeoutMs: 20, headersTimeoutMs: 10_000 });
    t.mirror.server.keepAliveTimeoutBuffer = 0;
    await using wire = await openWire(t.port);
    wire.send(MANIFEST);
    assert.equal(await wire.ended(), "fin");
    assert.match(wire.received().toString(), /^HTTP\/1\.1 404 /);
  });

  test("a client that pipelines without end gets the first answers, then a FIN", async () => {
    await using t = await openTestMirror();
    t.backend.addManifest("quay.io/a/b", "v1", "{}", OCI);
    await using wire = await openWire(t.port);
    wire.send(MANIFEST.repeat(5000));
    assert.equal(await wire.ended(), "fin");
    const answers = wire.received().toString().split("\r\n\r\n{}").length - 1;
    assert.ok(answers >= 64 && answers < 5000, String(answers));
    assert.ok(t.backend.manifestRequests.length === answers);
  });

  test("case 67: a client that does not read holds two buffers, not the blob, and goes on when it likes", async () => {
    await using t = await openTestMirror();
    const size = 200_000_000;
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, {
      size,
      at: ({ start, end }) => new Uint8Array(end - start),
      chunkBytes: 1_000_000,
    });
    await using wire = await openWire(t.port);
    wire.socket.pause();
    wire.send(`GET /v2/a/b/blobs/${digest}?ns=quay.io HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n`);
    let before = -1;
    for (let quiet = 0; quiet < 50; quiet = t.backend.readBytes === before ? quiet + 1 : 0) {
      before = t.backend.readBytes;
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(t.backend.readBytes < 40_000_000, `${String(t.backend.readBytes)} bytes were read ahead`);
    assert.ok(t.backend.lent <= 2);
    let received = 0;
    wire.socket.removeAllListeners("data");
    wire.socket.on("data", (chunk) => (received += chunk.length));
    wire.socket.resume();
    assert.equal(await wire.ended(), "fin");
    assert.ok(received > size);
  });

  test("case 67: a client that never reads on is let go after the idle time", async () => {
    await using t = await openTestMirror({ idleTimeoutMs: 100, lingerMs: 50 });
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { size: 200_000_000, at: ({ start, end }) => new Uint8Array(end - start) });
    await using wire = await openWire(t.port);
    wire.socket.pause();
    wire.send(`GET /v2/a/b/blobs/${digest}?ns=quay.io HTTP/1.1\r\nHost: m\r\n\r\n`);
    while (t.backend.openBlobs === 0) await new Promise((resolve) => setImmediate(resolve));
    while (t.backend.openBlobs > 0) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([t.backend.lent, t.backend.openReaders], [0, 0]);
  });

  test("a client that has closed its sending half gets its whole answer", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES);
    await using wire = await openWire(t.port);
    wire.socket.end(`GET /v2/a/b/blobs/${digest}?ns=quay.io HTTP/1.1\r\nHost: m\r\n\r\n`);
    assert.equal(await wire.ended(), "fin");
    assert.ok(bodyOf(wire.received()).equals(BYTES));
  });

  test("a client that never finishes its request head, or sends nothing, is answered 408 and let go", async () => {
    await using t = await openTestMirror({ headersTimeoutMs: 50 });
    for (const start of ["GET /v2/ HTTP/1.1\r\nHost: m\r\nX-Slow: ", ""]) {
      await using wire = await openWire(t.port);
      wire.send(start);
      assert.equal(await wire.ended(), "fin");
      assert.match(wire.received().toString(), /^HTTP\/1\.1 408 /);
    }
  });

  test("one connection more than are kept is closed at once and counted", async () => {
    await using t = await openTestMirror({ maxConnections: 2 });
    await using first = await openWire(t.port);
    await using second = await openWire(t.port);
    await using third = await openWire(t.port);
    assert.equal(await third.ended(), "fin");
    assert.match(await t.metrics.metrics(), /darner_mirror_dropped_connections_total\{reason="mirror-full"\} 1/);
    for (const wire of [first, second]) {
      wire.send(MANIFEST);
      await wire.until("404");
    }
  });
});
