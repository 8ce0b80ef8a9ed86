import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noLeaks } from "@darner/testkit";
import { ask, codeOf } from "../test/ask.ts";
import { openTestMirror } from "../test/open-test-mirror.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";
const BODY = `{\n  "schemaVersion": 2,\t"mediaType": "${INDEX}", "manifests": [] }\n`;
const PATH = "/v2/a/b/manifests/v1?ns=quay.io";

describe("manifests", () => {
  noLeaks();

  test("case 19: HEAD and GET tell exact type, length and digest, and the bytes are untouched", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addManifest("quay.io/a/b", "v1", BODY, `${INDEX}; charset=utf-8`);
    for (const reference of ["v1", digest]) {
      const path = `/v2/a/b/manifests/${reference}?ns=quay.io`;
      const head = await ask(t.port, path, { method: "HEAD" });
      const get = await ask(t.port, path);
      for (const answer of [head, get]) {
        assert.equal(answer.status, 200);
        assert.equal(answer.headers["content-type"], INDEX);
        assert.equal(answer.headers["content-length"], String(BODY.length));
        assert.equal(answer.headers["docker-content-digest"], digest);
        assert.equal(answer.headers.etag, `"${digest}"`);
      }
      assert.equal(get.body.toString(), BODY);
      assert.equal(head.body.length, 0);
    }
    assert.deepEqual(
      t.backend.manifestRequests.map(({ headOnly }) => headOnly),
      [true, false, true, false],
    );
  });

  test("case 20: what the client accepts reaches the backend", async () => {
    await using t = await openTestMirror();
    await ask(t.port, PATH, { method: "HEAD", headers: { Accept: "application/vnd.oci.image.manifest.v1+json;q=0.5" } });
    await ask(t.port, PATH, { headers: { Accept: [`${INDEX}, text/html;q=0`, "*/*"] } });
    assert.deepEqual(
      t.backend.manifestRequests.map(({ accept }) => accept),
      [["application/vnd.oci.image.manifest.v1+json"], [INDEX, "*/*"]],
    );
  });

  test("case 21: no Accept at all is passed on as none, and a digest is served whatever is accepted", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addManifest("quay.io/a/b", undefined, BODY, INDEX);
    const answer = await ask(t.port, `/v2/a/b/manifests/${digest}?ns=quay.io`, { headers: { Accept: "text/plain" } });
    assert.equal(answer.body.toString(), BODY);
    await ask(t.port, PATH);
    assert.deepEqual(t.backend.manifestRequests[1]?.accept, []);
  });

  test("case 26: a type that is none becomes octet-stream, schema1 and unknown types pass", async () => {
    await using t = await openTestMirror();
    const types = ["application/vnd.docker.distribution.manifest.v1+prettyjws", "application/vnd.example.thing+json", "not a type\u0000"];
    for (const [at, type] of types.entries()) t.backend.addManifest("quay.io/a/b", `v${String(at)}`, BODY, type);
    const seen = await Promise.all(
      types.map(async (_, at) => (await ask(t.port, `/v2/a/b/manifests/v${String(at)}?ns=quay.io`)).headers["content-type"]),
    );
    assert.deepEqual(seen, [types[0], types[1], "application/octet-stream"]);
  });

  test("case 28: a manifest of 12 MiB passes whole", async () => {
    await using t = await openTestMirror();
    const large = JSON.stringify({ layers: "x".repeat(12 * 2 ** 20) });
    t.backend.addManifest("quay.io/a/b", "v1", large, INDEX);
    const answer = await ask(t.port, PATH);
    assert.equal(answer.body.toString(), large);
    assert.equal(answer.headers["content-length"], String(large.length));
  });

  test("case 29: encodings a client would take are not used", async () => {
    await using t = await openTestMirror();
    t.backend.addManifest("quay.io/a/b", "v1", BODY, INDEX);
    const answer = await ask(t.port, PATH, { headers: { "Accept-Encoding": "zstd;q=1.0, gzip;q=0.8, deflate;q=0.5" } });
    assert.equal(answer.headers["content-encoding"], undefined);
    assert.equal(answer.body.toString(), BODY);
  });

  test("case 30: a Range on a manifest gives 206 with the right bytes, or the whole, never an error", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addManifest("quay.io/a/b", "v1", BODY, INDEX);
    const length = String(BODY.length);
    const whole = await ask(t.port, PATH, { headers: { Range: "bytes=0-" } });
    assert.deepEqual([whole.status, whole.headers["content-range"]], [206, `bytes 0-${String(BODY.length - 1)}/${length}`]);
    assert.equal(whole.body.toString(), BODY);
    const part = await ask(t.port, PATH, { headers: { Range: "bytes=3-7" } });
    assert.deepEqual([part.status, part.headers["content-range"], part.body.toString()], [206, `bytes 3-7/${length}`, BODY.slice(3, 8)]);
    assert.equal(part.headers["docker-content-digest"], digest);
    for (const range of ["bytes=99999-", "bytes=5-1", "bytes=0-1,4-5", "items=1", "bytes=x"]) {
      const answer = await ask(t.port, PATH, { headers: { Range: range } });
      assert.deepEqual([answer.status, answer.body.toString()], [200, BODY], range);
    }
    const head = await ask(t.port, PATH, { method: "HEAD", headers: { Range: "bytes=3-7" } });
    assert.deepEqual([head.status, head.headers["content-length"]], [200, length]);
  });

  test("case 31: 304 answers only a matching If-None-Match", async () => {
    await using t = await openTestMirror();
    const digest = t.backend.addManifest("quay.io/a/b", "v1", BODY, INDEX);
    for (const method of ["GET", "HEAD"]) {
      const hit = await ask(t.port, PATH, { method, headers: { "If-None-Match": `"x", W/"${digest}"` } });
      assert.deepEqual([hit.status, hit.headers.etag, hit.body.length], [304, `"${digest}"`, 0]);
      assert.equal((await ask(t.port, PATH, { method, headers: { "If-None-Match": '"x"' } })).status, 200);
      assert.equal((await ask(t.port, PATH, { method, headers: { "If-Modified-Since": new Date().toUTCString() } })).status, 200);
    }
  });

  test("a backend that refuses with a status no client can follow is answered 502, never a redirect or 304", async () => {
    await using t = await openTestMirror();
    for (const status of [301, 304, 200, 0, 99, 600]) {
      t.backend.manifests.set("quay.io/a/b:v1", { kind: "refused", status, code: "MANIFEST_UNKNOWN", message: "odd" });
      assert.equal((await ask(t.port, PATH, { method: "HEAD" })).status, 502, String(status));
    }
  });

  test("case 33: a stale tag's warning is relayed", async () => {
    await using t = await openTestMirror();
    t.backend.addManifest("quay.io/a/b", "v1", BODY, INDEX, ['299 - "stale"']);
    assert.equal((await ask(t.port, PATH)).headers["warning"], '299 - "stale"');
  });

  test("case 37: a signature tag that is not there is a clean 404", async () => {
    await using t = await openTestMirror();
    const answer = await ask(t.port, `/v2/a/b/manifests/sha256-${"a".repeat(64)}.sig?ns=quay.io`);
    assert.deepEqual([answer.status, codeOf(answer)], [404, "MANIFEST_UNKNOWN"]);
  });

  test("case 40: warnings are relayed, together at most 4 KiB, none that cannot stand in a header", async () => {
    await using t = await openTestMirror();
    const warnings = ['299 - "one"', `299 - "${"x".repeat(4000)}"`, `299 - "${"y".repeat(200)}"`, '299 - "bad\u0001"', '299 - "two"'];
    t.backend.addManifest("quay.io/a/b", "v1", BODY, INDEX, warnings);
    assert.deepEqual((await ask(t.port, PATH)).distinct["warning"], [warnings[0], warnings[1], warnings[4]]);
  });

  test("case 85: a tag that appears is seen by the next request", async () => {
    await using t = await openTestMirror();
    assert.equal((await ask(t.port, PATH)).status, 404);
    t.backend.addManifest("quay.io/a/b", "v1", BODY, INDEX);
    assert.equal((await ask(t.port, PATH)).status, 200);
  });

  test("a manifest that is not as long as it was said to be is not sent", async () => {
    await using t = await openTestMirror();
    t.backend.addManifest("quay.io/a/b", "v1", BODY, INDEX);
    const found = t.backend.manifests.get("quay.io/a/b:v1");
    assert.ok(found?.kind === "manifest");
    t.backend.manifests.set("quay.io/a/b:v1", { ...found, size: found.size + 1 });
    assert.equal((await ask(t.port, PATH)).status, 502);
  });
});
