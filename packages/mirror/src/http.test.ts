import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { noLeaks, seededBytes } from "@darner/testkit";
import { ask, codeOf } from "../test/ask.ts";
import { openTestMirror } from "../test/open-test-mirror.ts";
import { bodyOf, openWire } from "../test/wire.ts";

const BYTES = seededBytes("http", 4_000_000);
const OCI = "application/vnd.oci.image.manifest.v1+json";
const MANIFEST = "GET /v2/a/b/manifests/v1?ns=quay.io HTTP/1.1\r\nHost: m\r\n\r\n";

describe("HTTP mechanics", () => {
  noLeaks();

  test("case 61: credentials of 32 KiB and heads of 64 KiB pass, larger ones are 431", async () => {
    await using t = await openTestMirror();
    const authorization = `Bearer ${"t".repeat(32 * 1024)}`;
    const answer = await ask(t.port, "/v2/a/b/manifests/v1?ns=quay.io", { headers: { authorization, "X-Pad": "p".repeat(30 * 1024) } });
    assert.equal(answer.status, 404);
    assert.equal(t.backend.manifestRequests[0]?.caller.authorization?.reveal(), authorization);
    await using wire = await openWire(t.port);
    wire.send(`GET /v2/ HTTP/1.1\r\nHost: m\r\nX: ${"x".repeat(200 * 1024)}\r\n\r\n`);
    assert.equal(await wire.ended(), "fin");
    assert.match(wire.received().toString(), /^HTTP\/1\.1 431 [^]*"errors"/);
  });

  test("case 62: idle connections are kept longer than any client keeps them, and reused", async () => {
    await using t = await openTestMirror();
    assert.ok(t.mirror.server.keepAliveTimeout >= 95_000);
    assert.ok(t.mirror.server.headersTimeout > t.mirror.server.keepAliveTimeout);
    assert.equal(t.mirror.server.requestTimeout, 0);
    t.backend.addManifest("quay.io/a/b", "v1", "{}", OCI);
    await using wire = await openWire(t.port);
    for (let at = 1; at <= 3; at += 1) {
      wire.send(MANIFEST);
      while (wire.received().toString().split("\r\n\r\n{}").length <= at) await once(wire.socket, "data");
    }
    assert.doesNotMatch(wire.received().toString(), /Connection: close/i);
  });

  test("case 63: HTTP/1.0 without Host is served and closed, HTTP/1.1 without or with two Hosts is 400", async () => {
    await using t = await openTestMirror();
    t.backend.addManifest("quay.io/a/b", "v1", "{}", OCI);
    await using old = await openWire(t.port);
    old.send("GET /v2/a/b/manifests/v1?ns=quay.io HTTP/1.0\r\n\r\n");
    assert.equal(await old.ended(), "fin");
    assert.match(old.received().toString(), /^HTTP\/1\.1 200 [^]*Content-Length: 2\r\n[^]*\{\}$/);
    for (const hosts of ["", "Host: a\r\nHost: b\r\n"]) {
      await using wire = await openWire(t.port);
      wire.send(`GET /v2/ HTTP/1.1\r\n${hosts}\r\n`);
      assert.equal(await wire.ended(), "fin");
      assert.match(wire.received().toString(), /^HTTP\/1\.1 400 [^]*"errors"/);
    }
  });

  test("case 64: Expect: 100-continue on a write is answered with the final 405 and no 100", async () => {
    await using t = await openTestMirror();
    await using wire = await openWire(t.port);
    wire.send("PUT /v2/a/b/manifests/v1 HTTP/1.1\r\nHost: m\r\nContent-Length: 10000000000\r\nExpect: 100-continue\r\n\r\n");
    assert.equal(await wire.ended(), "fin");
    assert.match(wire.received().toString(), /^HTTP\/1\.1 405 /);
    await using odd = await openWire(t.port);
    odd.send("GET /v2/ HTTP/1.1\r\nHost: m\r\nExpect: miracles\r\nConnection: close\r\n\r\n");
    assert.equal(await odd.ended(), "fin");
    assert.match(odd.received().toString(), /^HTTP\/1\.1 404 /);
  });

  test("case 65: a GET with a small body is answered and its connection reused", async () => {
    await using t = await openTestMirror();
    t.backend.addManifest("quay.io/a/b", "v1", "{}", OCI);
    const answer = await ask(t.port, "/v2/a/b/manifests/v1?ns=quay.io", {
      body: new Uint8Array(60_000),
      headers: { "Content-Length": 60_000 },
    });
    assert.equal(answer.status, 200);
    await using wire = await openWire(t.port);
    wire.send(`${MANIFEST.slice(0, -2)}Content-Length: 5\r\n\r\nhello${MANIFEST}`);
    while (wire.received().toString().split("\r\n\r\n{}").length < 3) await once(wire.socket, "data");
  });

  test("case 65: a GET with a huge body is answered without reading it, then the connection ends", async () => {
    await using t = await openTestMirror();
    t.backend.addManifest("quay.io/a/b", "v1", "{}", OCI);
    for (const framing of ["Content-Length: 100000000", "Transfer-Encoding: chunked"]) {
      await using wire = await openWire(t.port);
      wire.send(`${MANIFEST.slice(0, -2)}${framing}\r\n\r\n`);
      assert.equal(await wire.ended(), "fin", framing);
      assert.match(wire.received().toString(), /^HTTP\/1\.1 200 [^]*Connection: close[^]*\{\}$/);
    }
  });

  test("case 65: pipelined requests are answered in order, one at a time", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES);
    await using wire = await openWire(t.port);
    const ranges = Array.from({ length: 20 }, (_, at) => [at * 100_000, at * 100_000 + 50_000] as const);
    wire.send(
      ranges
        .map(
          ([start, end]) =>
            `GET /v2/a/b/blobs/${digest}?ns=quay.io HTTP/1.1\r\nHost: m\r\nRange: bytes=${String(start)}-${String(end)}\r\n\r\n`,
        )
        .join(""),
    );
    wire.send("GET /v2/ HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n");
    assert.equal(await wire.ended(), "fin");
    let rest = wire.received();
    for (const [start, end] of ranges) {
      const body = bodyOf(rest).subarray(0, end - start + 1);
      assert.ok(body.equals(BYTES.subarray(start, end + 1)), `range from ${String(start)}`);
      rest = bodyOf(rest).subarray(body.length);
    }
    assert.ok(t.backend.mostLent <= 2);
  });

  test("case 66: writes are 405 at once, without their body being read, and everything else as well", async () => {
    await using t = await openTestMirror();
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]) {
      const answer = await ask(t.port, "/v2/a/b/blobs/uploads/", { method });
      assert.deepEqual([answer.status, answer.headers.allow, answer.headers.connection], [405, "GET, HEAD", "close"], method);
      assert.equal(codeOf(answer), "UNSUPPORTED");
    }
    await using wire = await openWire(t.port);
    wire.send("PATCH /v2/a/b/blobs/uploads/1 HTTP/1.1\r\nHost: m\r\nContent-Length: 10000000000\r\n\r\n");
    wire.send(new Uint8Array(5_000_000));
    assert.equal(await wire.ended(), "fin");
    assert.match(wire.received().toString(), /^HTTP\/1\.1 405 [^]*"UNSUPPORTED"/);
    assert.equal((await ask(t.port, "*", { method: "OPTIONS" })).status, 405);
  });

  test("case 69: a TLS handshake on the plain port ends promptly with an HTTP answer", async () => {
    await using t = await openTestMirror();
    const client = connectTls({ port: t.port, host: "127.0.0.1" });
    const [error] = (await once(client, "error")) as [NodeJS.ErrnoException];
    assert.match(error.code ?? "", /WRONG_VERSION_NUMBER|PACKET_LENGTH/);
    client.destroy();
  });

  test("malformed requests are 400 with an error body and a FIN, and the mirror lives on", async () => {
    await using t = await openTestMirror();
    const bad = [
      "\r\n\r\nnonsense\r\n\r\n",
      "GET\r\n\r\n",
      "GET /v2/ HTTP/9.9\r\n\r\n",
      "GET /v2/ HTTP/1.1\r\nHost: m\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ];
    for (const text of [...bad, "GET /v2/ HTTP/1.1\r\nHost: m\r\nBad Header: x\r\n\r\n", "\u0000\u0001\u0002".repeat(100_000)]) {
      await using wire = await openWire(t.port);
      wire.send(text);
      assert.equal(await wire.ended(), "fin", JSON.stringify(text.slice(0, 40)));
      assert.match(wire.received().toString(), /^HTTP\/1\.1 400 [^]*"errors"/);
    }
    assert.equal((await ask(t.port, "/v2/")).status, 404);
  });

  test("rubbish behind a request does not disturb the answer to it", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES);
    await using wire = await openWire(t.port);
    wire.send(`GET /v2/a/b/blobs/${digest}?ns=quay.io HTTP/1.1\r\nHost: m\r\n\r\n\u0016\u0003\u0001rubbish`);
    assert.equal(await wire.ended(), "fin");
    assert.ok(bodyOf(wire.received()).equals(BYTES));
  });

  test("an Upgrade is ignored and the request answered as it is", async () => {
    await using t = await openTestMirror();
    const answer = await ask(t.port, "/v2/a/b/manifests/v1?ns=quay.io", {
      headers: { Connection: "Upgrade, HTTP2-Settings", Upgrade: "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__" },
    });
    assert.equal(answer.status, 404);
    await using wire = await openWire(t.port);
    wire.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert.match(await wire.ended(), /fin|closed|ECONNRESET/);
    assert.equal((await ask(t.port, "/v2/")).status, 404);
  });

  test("metrics count requests, bytes and times by route, and name nobody", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES);
    await ask(t.port, `/v2/a/b/blobs/${digest}?ns=quay.io`);
    await ask(t.port, "/v2/a/b/manifests/v1?ns=quay.io");
    await ask(t.port, "/nowhere");
    const text = await t.metrics.metrics();
    assert.match(text, /darner_mirror_requests_total\{route="blob",outcome="2xx"\} 1/);
    assert.match(text, /darner_mirror_requests_total\{route="manifest",outcome="4xx"\} 1/);
    assert.match(text, /darner_mirror_requests_total\{route="other",outcome="4xx"\} 1/);
    assert.match(text, new RegExp(`darner_mirror_sent_bytes_total\\{route="blob"\\} ${String(BYTES.length)}`));
    assert.match(text, /darner_mirror_first_byte_seconds_count\{route="blob"\} 1/);
    assert.doesNotMatch(text, /quay|sha256/);
  });
});
