import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Registry, silentLog } from "@darner/runtime";
import { noLeaks, seededBytes } from "@darner/testkit";
import { ask } from "../test/ask.ts";
import { MapBackend } from "../test/map-backend.ts";
import { openTestMirror } from "../test/open-test-mirror.ts";
import { bodyOf, openWire } from "../test/wire.ts";
import { createMirrorMetrics } from "./metrics.ts";
import { openMirror } from "./open-mirror.ts";

const BYTES = seededBytes("shutdown", 1_000_000);

describe("shutdown", () => {
  noLeaks();

  test("case 60: no new connections, idle ones end, and a running response finishes within the grace", async () => {
    await using t = await openTestMirror();
    const { promise: until, resolve } = Promise.withResolvers<undefined>();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { holdsAt: { byte: 500_000, until } });
    await using idle = await openWire(t.port);
    await using running = await openWire(t.port);
    idle.send("GET /v2/a/b/tags/list?ns=quay.io HTTP/1.1\r\nHost: m\r\n\r\n");
    await idle.until("404");
    running.send(`GET /v2/a/b/blobs/${digest}?ns=quay.io HTTP/1.1\r\nHost: m\r\n\r\n`);
    await running.until("\r\n\r\n");
    const closed = t.mirror.close(10_000);
    assert.equal(await idle.ended(), "fin");
    idle.socket.end();
    await assert.rejects(ask(t.port, "/v2/"), { code: "ECONNREFUSED" });
    resolve(undefined);
    assert.equal(await running.ended(), "fin");
    assert.ok(bodyOf(running.received()).equals(BYTES));
    running.socket.end();
    await closed;
  });

  test("cases 58 and 60: what still runs after the grace is ended short with a FIN, what has not begun is 503", async () => {
    await using t = await openTestMirror();
    const never = new Promise(() => {});
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { holdsAt: { byte: 500_000, until: never } });
    await using running = await openWire(t.port);
    await using waiting = await openWire(t.port);
    running.send(`GET /v2/a/b/blobs/${digest}?ns=quay.io HTTP/1.1\r\nHost: m\r\n\r\n`);
    while (bodyOf(running.received()).length < 400_000) await once(running.socket, "data");
    running.send("x".repeat(2_000_000));
    t.backend.gate = never;
    waiting.send("GET /v2/a/b/manifests/v1?ns=quay.io HTTP/1.1\r\nHost: m\r\n\r\n");
    while (t.backend.manifestRequests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const closed = t.mirror.close(20);
    assert.equal(await running.ended(), "fin");
    const body = bodyOf(running.received());
    assert.ok(body.length < BYTES.length && body.equals(BYTES.subarray(0, body.length)));
    assert.equal(await waiting.ended(), "fin");
    assert.match(waiting.received().toString(), /^HTTP\/1\.1 503 [^]*Connection: close/);
    running.socket.end();
    waiting.socket.end();
    await closed;
    assert.deepEqual([t.backend.lent, t.backend.openReaders, t.backend.openBlobs], [0, 0, 0]);
  });

  test("a mirror that never listened closes", async () => {
    const config = { defaultRegistry: undefined, allow: (): boolean => true, registries: [], ownAddresses: [] };
    const mirror = openMirror({ config, backend: new MapBackend(), log: silentLog, metrics: createMirrorMetrics(new Registry()) });
    await mirror.close(1000);
    assert.equal(mirror.server.listening, false);
  });

  test("closing again with less patience cuts off what the first close still waited for", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { holdsAt: { byte: 500_000, until: new Promise(() => {}) } });
    await using running = await openWire(t.port);
    running.send(`GET /v2/a/b/blobs/${digest}?ns=quay.io HTTP/1.1\r\nHost: m\r\n\r\n`);
    await running.until("\r\n\r\n");
    const patient = t.mirror.close(100_000);
    const impatient = t.mirror.close(0);
    assert.equal(await running.ended(), "fin");
    running.socket.end();
    await Promise.all([patient, impatient]);
  });
});
