import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Digest } from "@darner/domain";
import { noLeaks, seededBytes } from "@darner/testkit";
import { ask } from "../test/ask.ts";
import type { Answer } from "../test/ask.ts";
import { openTestMirror } from "../test/open-test-mirror.ts";

const BYTES = seededBytes("blob", 200_000);
const SIZE = String(BYTES.length);

function blobPath(digest: Digest): string {
  return `/v2/a/b/blobs/${digest}?ns=quay.io`;
}

/** The parts of a multipart/byteranges answer: range and bytes. */
function partsOf(answer: Answer): [string, Buffer][] {
  const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(answer.headers["content-type"] ?? "")?.[1] ?? "none";
  const pieces = answer.body.toString("latin1").split(`--${boundary}`);
  assert.equal(pieces.at(-1), "--\r\n");
  return pieces.slice(1, -1).map((piece) => {
    const [head = "", ...rest] = piece.split("\r\n\r\n");
    const range = /Content-Range: (.*)/.exec(head)?.[1] ?? "none";
    return [range, Buffer.from(rest.join("\r\n\r\n").replace(/\r\n$/, ""), "latin1")];
  });
}

describe("blobs", () => {
  noLeaks();

  test("a blob is served whole with its length, digest and validator, and everything lent comes back", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES);
    const answer = await ask(t.port, blobPath(digest));
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body, Buffer.from(BYTES));
    assert.equal(answer.headers["content-type"], "application/octet-stream");
    assert.equal(answer.headers["content-length"], SIZE);
    assert.equal(answer.headers["transfer-encoding"], undefined);
    assert.equal(answer.headers["docker-content-digest"], digest);
    assert.equal(answer.headers["accept-ranges"], "bytes");
    assert.equal(answer.headers.etag, `"${digest}"`);
    const { lent, openBlobs, openReaders } = t.backend;
    assert.deepEqual({ lent, openBlobs, openReaders }, { lent: 0, openBlobs: 0, openReaders: 0 });
    assert.ok(t.backend.mostLent <= 2, `${String(t.backend.mostLent)} buffers were in flight`);
  });

  test("case 41: the empty blob", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", new Uint8Array());
    for (const method of ["GET", "HEAD"]) {
      const answer = await ask(t.port, blobPath(digest), { method });
      assert.deepEqual([answer.status, answer.headers["content-length"], answer.body.length], [200, "0", 0], method);
    }
    const ranged = await ask(t.port, blobPath(digest), { headers: { Range: "bytes=0-" } });
    assert.deepEqual([ranged.status, ranged.headers["content-range"]], [416, "bytes */0"]);
  });

  test("case 42: a range past the end is 416 with the size", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES);
    for (const range of [`bytes=${SIZE}-`, "bytes=5000000-6000000"]) {
      const answer = await ask(t.port, blobPath(digest), { headers: { Range: range } });
      assert.deepEqual([answer.status, answer.headers["content-range"]], [416, `bytes */${SIZE}`], range);
      assert.ok(JSON.parse(answer.body.toString()));
    }
  });

  test("case 43: every form of a single Range", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES);
    const table: [string, number, number, number][] = [
      ["bytes=500-0", 416, 0, 0],
      ["bytes=-0", 416, 0, 0],
      ["bytes=-9999999", 206, 0, BYTES.length],
      ["bytes=0-0", 206, 0, 1],
      ["bytes=abc", 200, 0, BYTES.length],
      ["items=0-1", 200, 0, BYTES.length],
      ["bytes=0-", 206, 0, BYTES.length],
      ["bytes=500-1499", 206, 500, 1500],
      ["bytes=-500", 206, BYTES.length - 500, BYTES.length],
      ["bytes=199000-300000", 206, 199_000, BYTES.length],
    ];
    for (const [range, status, start, end] of table) {
      const answer = await ask(t.port, blobPath(digest), { headers: { Range: range } });
      assert.equal(answer.status, status, range);
      if (status === 416) continue;
      assert.deepEqual(answer.body, Buffer.from(BYTES.subarray(start, end)), range);
      const expected = status === 206 ? `bytes ${String(start)}-${String(end - 1)}/${SIZE}` : undefined;
      assert.equal(answer.headers["content-range"], expected, range);
    }
    const head = await ask(t.port, blobPath(digest), { method: "HEAD", headers: { Range: "bytes=5-6" } });
    assert.deepEqual([head.status, head.headers["content-length"]], [200, SIZE]);
  });

  test("case 44: several ranges come as multipart/byteranges, too many or overlapping ones as the whole", async () => {
    await using t = await openTestMirror({ maxRanges: 4 });
    const digest = t.backend.addBlob("quay.io/a/b", BYTES);
    const answer = await ask(t.port, blobPath(digest), { headers: { Range: "bytes=100-199,-5,70000-140000" } });
    assert.equal(answer.status, 206);
    assert.equal(answer.headers["content-length"], String(answer.body.length));
    assert.deepEqual(partsOf(answer), [
      [`bytes 100-199/${SIZE}`, Buffer.from(BYTES.subarray(100, 200))],
      [`bytes 199995-199999/${SIZE}`, Buffer.from(BYTES.subarray(-5))],
      [`bytes 70000-140000/${SIZE}`, Buffer.from(BYTES.subarray(70_000, 140_001))],
    ]);
    for (const range of ["bytes=0-1,3-4,6-7,9-10,12-13", "bytes=0-100,50-150"]) {
      const whole = await ask(t.port, blobPath(digest), { headers: { Range: range } });
      assert.deepEqual([whole.status, whole.body.length], [200, BYTES.length], range);
    }
  });

  test("case 44: podman's 1024 ranges fit into one answer", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES);
    const specs = Array.from({ length: 1024 }, (_, at) => `${String(at * 190)}-${String(at * 190 + 9)}`);
    const answer = await ask(t.port, blobPath(digest), { headers: { Range: `bytes=${specs.join(",")}` } });
    assert.equal(answer.status, 206);
    const parts = partsOf(answer);
    assert.equal(parts.length, 1024);
    assert.ok(parts.every(([, bytes], at) => bytes.equals(BYTES.subarray(at * 190, at * 190 + 10))));
    assert.equal(t.backend.openReaders, 0);
  });

  test("case 45: If-Range counts only with this blob's strong validator", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES);
    const status = async (validator: string): Promise<number> =>
      (await ask(t.port, blobPath(digest), { headers: { Range: "bytes=0-1", "If-Range": validator } })).status;
    assert.equal(await status(`"${digest}"`), 206);
    for (const other of [`W/"${digest}"`, '"x"', new Date(0).toUTCString()]) assert.equal(await status(other), 200, other);
  });

  test("case 31: a blob the client already has is 304, opened and closed without a read", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES);
    const answer = await ask(t.port, blobPath(digest), { headers: { "If-None-Match": `"${digest}"`, Range: "bytes=0-1" } });
    assert.deepEqual([answer.status, answer.body.length], [304, 0]);
    assert.deepEqual([t.backend.openBlobs, t.backend.readBytes], [0, 0]);
  });

  test("cases 47 and 48: any ranges of a blob agree in total and bytes, and run to the end that was asked for", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { chunkBytes: 30_000 });
    await fc.assert(
      fc.asyncProperty(fc.nat(BYTES.length - 1), fc.option(fc.nat(BYTES.length * 2)), async (start, length) => {
        const last = length === null ? undefined : start + length;
        const answer = await ask(t.port, blobPath(digest), {
          headers: { Range: `bytes=${String(start)}-${last === undefined ? "" : String(last)}` },
        });
        const end = Math.min(BYTES.length, (last ?? BYTES.length) + 1);
        assert.equal(answer.status, 206);
        assert.equal(answer.headers["content-range"], `bytes ${String(start)}-${String(end - 1)}/${SIZE}`);
        assert.ok(answer.body.equals(BYTES.subarray(start, end)));
      }),
      { numRuns: 60 },
    );
    assert.deepEqual([t.backend.lent, t.backend.openReaders, t.backend.openBlobs], [0, 0, 0]);
  });

  test("case 49: a range of a cold blob reads that range and nothing before it", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { chunkBytes: 1000 });
    await ask(t.port, blobPath(digest), { headers: { Range: "bytes=150000-150099" } });
    assert.equal(t.backend.readBytes, 100);
  });

  test("case 50: HEAD tells the length without reading, and is an error where nobody knows it", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES);
    const head = await ask(t.port, blobPath(digest), { method: "HEAD" });
    assert.deepEqual([head.status, head.headers["content-length"], t.backend.readBytes], [200, SIZE, 0]);
    assert.equal(t.backend.blobRequests[0]?.headOnly, true);
    const hidden = t.backend.addBlob("quay.io/a/b", BYTES.subarray(1), { hidesSize: true });
    assert.equal((await ask(t.port, blobPath(hidden), { method: "HEAD" })).status, 502);
  });

  test("case 51: a blob of unknown size comes whole and in chunks, whatever Range asks", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { hidesSize: true });
    const answer = await ask(t.port, blobPath(digest), { headers: { Range: "bytes=5-6" } });
    assert.deepEqual([answer.status, answer.headers["transfer-encoding"], answer.headers["content-range"]], [200, "chunked", undefined]);
    assert.deepEqual(answer.body, Buffer.from(BYTES));
    assert.ok(t.backend.mostLent <= 2);
    assert.deepEqual([t.backend.lent, t.backend.openReaders, t.backend.openBlobs], [0, 0, 0]);
  });

  test("case 57: what cannot be had is a status code before the first byte", async () => {
    await using t = await openTestMirror();
    const ready = (): Promise<{ kind: "refused"; status: number; code: "BLOB_UNKNOWN"; message: string }> =>
      Promise.resolve({ kind: "refused", status: 503, code: "BLOB_UNKNOWN", message: "no space left" });
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { ready });
    for (const range of ["bytes=0-", "bytes=0-1,5-6", undefined]) {
      const answer = await ask(t.port, blobPath(digest), { headers: range === undefined ? {} : { Range: range } });
      assert.deepEqual([answer.status, answer.headers["content-range"]], [503, undefined]);
    }
    assert.equal(t.backend.openBlobs, 0);
  });

  test("case 59: lengths and ranges beyond 4 GiB are exact", async () => {
    await using t = await openTestMirror();
    const size = 12 * 2 ** 30 + 1;
    const at = ({ start, end }: { start: number; end: number }): Uint8Array => new Uint8Array(end - start).fill(start % 251);
    const digest = t.backend.addBlob("quay.io/a/b", BYTES, { size, at });
    const head = await ask(t.port, blobPath(digest), { method: "HEAD" });
    assert.equal(head.headers["content-length"], String(size));
    const start = size - 10;
    const tail = await ask(t.port, blobPath(digest), { headers: { Range: `bytes=${String(start)}-` } });
    assert.equal(tail.headers["content-range"], `bytes ${String(start)}-${String(size - 1)}/${String(size)}`);
    assert.deepEqual(
      [...tail.body],
      Array.from({ length: 10 }, () => start % 251),
    );
  });

  test("case 36: the two bytes of the empty config are a blob like any other", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addBlob("quay.io/a/b", Buffer.from("{}"));
    assert.equal(digest, "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    assert.equal((await ask(t.port, blobPath(digest))).body.toString(), "{}");
  });
});
