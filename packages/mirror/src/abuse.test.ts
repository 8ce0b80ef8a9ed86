import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noLeaks, seededBytes } from "@darner/testkit";
import { ask } from "../test/ask.ts";
import { openTestMirror } from "../test/open-test-mirror.ts";
import type { TestMirror } from "../test/open-test-mirror.ts";
import { bodyOf, openWire } from "../test/wire.ts";

const BYTES = seededBytes("abuse", 2_000_000);
const OCI = "application/vnd.oci.image.manifest.v1+json";
const LINE = "GET /v2/a/b/manifests/v1?ns=quay.io HTTP/1.1\r\n";
const HOST = "Host: m\r\n";
/** What a smuggler hides: were it ever answered, somebody else's request would have been made up. */
const HIDDEN = "GET /v2/hidden/manifests/v1?ns=quay.io HTTP/1.1\r\nHost: m\r\n\r\n";

/** Bytes on the wire, the status of their one answer, and how many requests the backend hears of. */
type Abuse = readonly [what: string, bytes: string, status: number, asked?: number];

function get(headers: string): string {
  return `${LINE}${HOST}${headers}\r\n`;
}

function target(raw: string): string {
  return `GET ${raw} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
}

const SMUGGLING: readonly Abuse[] = [
  ["a length and chunks", `${get("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n")}0\r\n\r\n${HIDDEN}`, 400],
  ["chunks and a length", `${get("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n")}0\r\n\r\n${HIDDEN}`, 400],
  ["two lengths that differ", `${get("Content-Length: 0\r\nContent-Length: 70\r\n")}${HIDDEN}`, 400],
  ["two lengths that agree", `${get("Content-Length: 0\r\nContent-Length: 0\r\n")}${HIDDEN}`, 400],
  ["a list of lengths", `${get("Content-Length: 0, 0\r\n")}${HIDDEN}`, 400],
  ["a length with a sign", `${get("Content-Length: +0\r\n")}${HIDDEN}`, 400],
  ["a negative length", `${get("Content-Length: -1\r\n")}${HIDDEN}`, 400],
  ["a hexadecimal length", `${get("Content-Length: 0x0\r\n")}${HIDDEN}`, 400],
  ["a length beyond 2^64", `${get("Content-Length: 99999999999999999999999\r\n")}${HIDDEN}`, 400],
  ["a length without a number", `${get("Content-Length:\r\n")}${HIDDEN}`, 400],
  ["a blank before the colon", `${get("Content-Length : 70\r\n")}${HIDDEN}`, 400],
  ["an unknown transfer encoding", `${get("Transfer-Encoding: xchunked\r\n")}${HIDDEN}`, 501],
  ["a transfer encoding that means nothing", `${get("Transfer-Encoding: identity\r\n")}${HIDDEN}`, 501],
  ["two transfer encodings", `${get("Transfer-Encoding: gzip, chunked\r\n")}0\r\n\r\n${HIDDEN}`, 501],
  ["chunks that are not last", `${get("Transfer-Encoding: chunked, identity\r\n")}0\r\n\r\n${HIDDEN}`, 400],
  ["chunked twice", `${get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")}0\r\n\r\n${HIDDEN}`, 400],
  ["chunked behind a control character", `${get("Transfer-Encoding: \u000bchunked\r\n")}0\r\n\r\n${HIDDEN}`, 400],
  [
    "chunks in HTTP/1.0",
    `GET /v2/a/b/manifests/v1?ns=quay.io HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
    501,
  ],
  ["a folded header", `${get("X: a\r\n b\r\n")}${HIDDEN}`, 400],
  ["a folded transfer encoding", `${get("Transfer-Encoding:\r\n chunked\r\n")}0\r\n\r\n${HIDDEN}`, 400],
  ["a first header that is folded", `${LINE} ${HOST}\r\n${HIDDEN}`, 400],
  ["lines that end with LF", (LINE + HOST + "\r\n").replaceAll("\r\n", "\n") + HIDDEN, 400],
  ["one line that ends with LF", `${LINE}Host: m\nX: y\r\n\r\n${HIDDEN}`, 400],
  ["a line that ends with CR", `${LINE}Host: m\rX: y\r\n\r\n${HIDDEN}`, 400],
  ["a NUL in a header", `${get("X: a\u0000b\r\n")}${HIDDEN}`, 400],
  ["a header without a name", `${get(": x\r\n")}${HIDDEN}`, 400],
  ["two Hosts", `${get(HOST)}${HIDDEN}`, 400],
  ["a Host with a path", `${LINE}Host: m/v2/\r\n\r\n${HIDDEN}`, 400],
  ["a Host that is two", `${LINE}Host: m, n\r\n\r\n${HIDDEN}`, 400],
  ["two credentials", `${get("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n")}${HIDDEN}`, 400],
];

// A GET has no use for a body: what is chunked is never read, and nothing behind it on this connection is.
const BODIES: readonly Abuse[] = [
  ["a chunked body", `${get("Transfer-Encoding: chunked\r\n")}4\r\nbody\r\n0\r\n\r\n${HIDDEN}`, 200, 1],
  ["chunk extensions", `${get("Transfer-Encoding: chunked\r\n")}1;a="b;c"\r\nx\r\n0\r\n\r\n${HIDDEN}`, 200, 1],
  ["chunk extensions of 100 kB", `${get("Transfer-Encoding: chunked\r\n")}1;${"a".repeat(100_000)}\r\nx\r\n0\r\n\r\n${HIDDEN}`, 200, 1],
  ["a chunk of a negative size", `${get("Transfer-Encoding: chunked\r\n")}-1\r\n\r\n${HIDDEN}`, 200, 1],
  ["a chunk beyond 2^64", `${get("Transfer-Encoding: chunked\r\n")}fffffffffffffffff\r\n\r\n${HIDDEN}`, 200, 1],
  ["trailers", `${get("Transfer-Encoding: chunked\r\n")}0\r\nHost: evil\r\n\r\n${HIDDEN}`, 200, 1],
  ["Expect with a body", `${get("Expect: 100-continue\r\nContent-Length: 70\r\n")}${HIDDEN}`, 200, 1],
  ["a body that is said to be compressed", `${get("Content-Encoding: gzip\r\nContent-Length: 5\r\nConnection: close\r\n")}hello`, 200, 1],
];

const PROTOCOLS: readonly Abuse[] = [
  ["HTTP/0.9", "GET /v2/\r\n\r\n", 505],
  ["HTTP/2.0 in a request line", `GET /v2/ HTTP/2.0\r\n${HOST}\r\n`, 505],
  ["HTTP/1.2", `GET /v2/ HTTP/1.2\r\n${HOST}\r\n`, 400],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u0000\u0000\u0000\u0004\u0000\u0000\u0000\u0000\u0000", 400],
  [
    "an Upgrade to h2c",
    get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n") + HIDDEN,
    200,
    1,
  ],
  ["an Upgrade to WebSocket", get("Connection: Upgrade\r\nUpgrade: websocket\r\n") + HIDDEN, 200, 1],
  ["TRACE", `TRACE /v2/ HTTP/1.1\r\n${HOST}Authorization: Bearer secret\r\n\r\n`, 405],
  ["CONNECT", `CONNECT evil.example:443 HTTP/1.1\r\n${HOST}\r\n${HIDDEN}`, 405],
  ["a method of another protocol", "DESCRIBE rtsp://x RTSP/1.0\r\n\r\n", 405],
  ["an unknown method", `FROB /v2/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a method in lower case", `get /v2/ HTTP/1.1\r\n${HOST}\r\n`, 400],
];

const SIZES: readonly Abuse[] = [
  ["129 headers", get(Array.from({ length: 128 }, (_, at) => `h${String(at)}: x\r\n`).join("")), 431],
  ["a Host behind 3000 headers", `${LINE}${Array.from({ length: 3000 }, (_, at) => `h${String(at)}: x\r\n`).join("")}${HOST}\r\n`, 431],
  ["one header 5000 times", get("a: b\r\n".repeat(5000)), 431],
  ["a header of 200 kB", get(`X: ${"x".repeat(200_000)}\r\n`), 431],
  ["a target of 1 MB", target(`/v2/${"a".repeat(1_000_000)}`), 431],
  ["a target of 100 kB", target(`/v2/${"a/".repeat(50_000)}manifests/v1`), 404],
  ["a query of 9 kB", target(`/v2/a/tags/list?last=${"x".repeat(9000)}`), 400],
];

const PATHS: readonly Abuse[] = [
  ["dot segments", target("/v2/a/../b/manifests/v1"), 400],
  ["encoded dot segments", target("/v2/a/%2e%2e/b/manifests/v1"), 400],
  ["dot segments behind an encoded slash", target("/v2/a%2f..%2fb/manifests/v1"), 400],
  ["a doubly encoded slash", target("/v2/a%252fb/manifests/v1"), 404],
  ["a doubly encoded dot segment", target("/v2/%252e%252e/manifests/v1"), 404],
  ["overlong UTF-8", target("/v2/%c0%ae%c0%ae/manifests/v1"), 404],
  ["a NUL", target("/v2/a%00/manifests/v1"), 400],
  ["an unencoded NUL", target("/v2/a\u0000/manifests/v1"), 400],
  ["a backslash", target("/v2/a\\..\\b/manifests/v1"), 400],
  ["an encoded backslash", target("/v2/a%5c..%5cb/manifests/v1"), 400],
  ["an empty segment", target("//v2/a/manifests/v1"), 404],
  ["a broken encoding", target("/v2/a%zz/manifests/v1"), 404],
  ["dots in a tag", target("/v2/a/manifests/..%2f..%2fetc"), 404],
  ["dots in a digest", target(`/v2/a/blobs/sha256:..%2f${"a".repeat(61)}`), 400],
  ["an absolute form with a user", target("http://user:password@quay.io/v2/a/b/manifests/v1"), 400],
  ["an absolute form of another scheme", target("file:///etc/passwd"), 400],
  ["an authority form", target("evil.example:443"), 400],
  ["an asterisk", target("*"), 400],
  ["a name of 100 segments", target(`/v2/${"a/".repeat(200)}manifests/v1`), 404],
];

async function assertRefused(t: TestMirror, [what, bytes, status, asked = 0]: Abuse): Promise<void> {
  t.backend.manifestRequests.length = 0;
  await using wire = await openWire(t.port);
  wire.send(Buffer.from(bytes, "latin1"));
  assert.equal(await wire.ended(), "fin", `${what}: ends gently`);
  const answers = [
    ...wire
      .received()
      .toString("latin1")
      .matchAll(/HTTP\/1\.1 ([0-9]{3}) /g),
  ].map(([, code]) => Number(code));
  assert.deepEqual(answers, [status], what);
  if (status >= 400) assert.match(wire.received().toString(), /"errors":\[\{"code":"[A-Z_]+","message":"[^"]{8,}"/, what);
  assert.doesNotMatch(wire.received().toString(), /secret|password|passwd/, what);
  assert.equal(t.backend.manifestRequests.length, asked, `${what}: the backend is asked`);
  assert.ok(t.backend.manifestRequests.every(({ repository }) => repository.name === "a/b"));
}

describe("hostile bytes", () => {
  noLeaks();

  for (const [subject, abuses] of Object.entries({ SMUGGLING, BODIES, PROTOCOLS, SIZES, PATHS })) {
    test(`${subject.toLowerCase()}: each has its one clear answer and a FIN, while somebody else is being served`, async () => {
      await using t = await openTestMirror();
      t.backend.addManifest("quay.io/a/b", "v1", "{}", OCI);
      const held = Promise.withResolvers<undefined>();
      const digest = t.backend.addBlob("quay.io/a/b", BYTES, { holdsAt: { byte: 1_000_000, until: held.promise } });
      const pull = ask(t.port, `/v2/a/b/blobs/${digest}?ns=quay.io`);
      while (t.backend.openReaders === 0) await new Promise((resolve) => setImmediate(resolve));
      for (const abuse of abuses) {
        await assertRefused(t, abuse);
        assert.equal((await ask(t.port, "/v2/a/b/manifests/v1?ns=quay.io")).status, 200);
      }
      held.resolve(undefined);
      assert.ok((await pull).body.equals(BYTES));
    });
  }
});

describe("greedy clients", () => {
  noLeaks();

  test("a client with as many connections as it may have is told so, and may come again when one is gone", async () => {
    await using t = await openTestMirror({ maxConnectionsPerClient: 2, countsLoopback: true });
    const first = await openWire(t.port);
    await using second = await openWire(t.port);
    await using third = await openWire(t.port);
    assert.equal(await third.ended(), "fin");
    assert.match(third.received().toString(), /^HTTP\/1\.1 503 [^]*"errors"/);
    assert.match(await t.metrics.metrics(), /darner_mirror_dropped_connections_total\{reason="client-full"\} 1/);
    second.send(`${LINE}${HOST}\r\n`);
    await second.until("404");
    await first[Symbol.asyncDispose]();
    for (let tries = 0; ; tries += 1) {
      await using fourth = await openWire(t.port);
      fourth.send(`${LINE}${HOST}Connection: close\r\n\r\n`);
      await fourth.ended();
      if (/^HTTP\/1\.1 404 /.test(fourth.received().toString())) break;
      assert.ok(tries < 1000);
    }
  });

  test("a client that asks more often than it may is answered 503 with a pause and works nobody", async () => {
    await using t = await openTestMirror({ maxRequestsPerSecondPerClient: 1, countsLoopback: true });
    t.backend.addManifest("quay.io/a/b", "v1", "{}", OCI);
    await using wire = await openWire(t.port);
    wire.send(`${LINE}${HOST}\r\n`.repeat(40));
    assert.equal(await wire.ended(), "fin");
    const answers = [
      ...wire
        .received()
        .toString()
        .matchAll(/HTTP\/1\.1 ([0-9]{3}) /g),
    ].map(([, code]) => code);
    assert.ok(answers.length >= 11 && answers.slice(0, 10).every((code) => code === "200"), String(answers));
    assert.equal(answers.at(-1), "503");
    assert.match(wire.received().toString(), /Retry-After: 1\r\n[^]*TOOMANYREQUESTS/);
    assert.equal(t.backend.manifestRequests.length, answers.length - 1);
    assert.match(await t.metrics.metrics(), /darner_mirror_limited_requests_total 1/);
  });

  test("a burst of a container runtime on this node is never limited", async () => {
    await using t = await openTestMirror({ maxConnectionsPerClient: 1, maxRequestsPerSecondPerClient: 1 });
    t.backend.addManifest("quay.io/a/b", "v1", "{}", OCI);
    const answers = await Promise.all(Array.from({ length: 200 }, () => ask(t.port, "/v2/a/b/manifests/v1?ns=quay.io")));
    assert.ok(answers.every(({ status }) => status === 200));
  });

  test("heads that come a byte at a time hold only their own connection, and not for long", async () => {
    await using t = await openTestMirror({ headersTimeoutMs: 60 });
    t.backend.addManifest("quay.io/a/b", "v1", "{}", OCI);
    const slow = await Promise.all(Array.from({ length: 50 }, () => openWire(t.port)));
    const drip = setInterval(() => {
      for (const wire of slow) if (wire.socket.writable) wire.send("X");
    }, 5);
    for (const wire of slow) wire.send(`${LINE}${HOST}X-Slow: `);
    assert.equal((await ask(t.port, "/v2/a/b/manifests/v1?ns=quay.io")).status, 200);
    for (const wire of slow) {
      assert.equal(await wire.ended(), "fin");
      assert.match(wire.received().toString(), /^HTTP\/1\.1 408 /);
    }
    clearInterval(drip);
    for (const wire of slow) await wire[Symbol.asyncDispose]();
  });

  test("ranges by the thousand cost one answer of the whole, and nothing is compressed or decompressed", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES);
    const range = `bytes=${Array.from({ length: 5000 }, (_, at) => `${String(at * 2)}-${String(at * 2)}`).join(",")}`;
    for (const headers of [{ Range: range }, { Range: "bytes=0-,0-,0-" }, { "Accept-Encoding": "gzip, zstd, br" }]) {
      const answer = await ask(t.port, `/v2/a/b/blobs/${digest}?ns=quay.io`, { headers });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers["content-encoding"], undefined);
      assert.ok(answer.body.equals(BYTES));
    }
    await using wire = await openWire(t.port);
    wire.send(
      `GET /v2/a/b/blobs/${digest}?ns=quay.io HTTP/1.1\r\n${HOST}Range: bytes=${"0-0,".repeat(20_000)}\r\nConnection: close\r\n\r\n`,
    );
    assert.equal(await wire.ended(), "fin");
    assert.equal(bodyOf(wire.received()).length, BYTES.length);
  });
});
