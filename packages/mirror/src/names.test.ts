import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noLeaks } from "@darner/testkit";
import { ask, codeOf } from "../test/ask.ts";
import { sha256Digest } from "../test/map-backend.ts";
import { openTestMirror } from "../test/open-test-mirror.ts";
import { openWire } from "../test/wire.ts";

const OCI = "application/vnd.oci.image.manifest.v1+json";

describe("names and namespaces over the wire", () => {
  noLeaks();

  test("case 1: a malformed digest is a 400 with a valid error body, and reaches no backend", async () => {
    await using t = await openTestMirror();
    for (const path of [`/v2/x/blobs/sha256:${"A".repeat(64)}`, "/v2/x/manifests/sha256:12", "/v2/x/referrers/nonsense"]) {
      const answer = await ask(t.port, path);
      assert.equal(answer.status, 400, path);
      assert.equal(codeOf(answer), "DIGEST_INVALID");
      assert.equal(answer.headers["content-type"], "application/json");
    }
    assert.equal(t.backend.blobRequests.length + t.backend.manifestRequests.length + t.backend.listingRequests.length, 0);
  });

  test("case 2: a manifest asked by sha512 answers with that digest", async () => {
    await using t = await openTestMirror();
    const sha512 = `sha512:${"c".repeat(128)}`;
    const bytes = Buffer.from("{}");
    const found = { kind: "manifest", digest: sha256Digest(bytes), mediaType: OCI, size: 2, bytes, warnings: [] } as const;
    t.backend.manifests.set(`quay.io/a/b@${sha512}`, found);
    const answer = await ask(t.port, `/v2/a/b/manifests/${sha512}?ns=quay.io`);
    assert.equal(answer.headers["docker-content-digest"], sha512);
    assert.equal(answer.headers.etag, `"${sha512}"`);
  });

  test("case 3: a digest of an unknown algorithm goes to the backend as it is", async () => {
    await using t = await openTestMirror();
    const answer = await ask(t.port, "/v2/a/b/blobs/blake3:AbC?ns=quay.io");
    assert.equal(answer.status, 404);
    assert.equal(t.backend.blobRequests[0]?.digest, "blake3:AbC");
  });

  test("case 6: dot segments arrive raw and are refused", async () => {
    await using t = await openTestMirror();
    for (const path of ["/v2/../v2/x/manifests/v1", "/v2/%2e%2e/x/manifests/v1", "/v2//x/manifests/v1"]) {
      assert.equal((await ask(t.port, path)).status, 400, path);
    }
    assert.equal(t.backend.manifestRequests.length, 0);
  });

  test("case 7: an absolute-form target is answered by its path, CONNECT is refused and closed", async () => {
    await using t = await openTestMirror();
    t.backend.addManifest("quay.io/a/b", "v1", "{}", OCI);
    const answer = await ask(t.port, "http://evil.example/v2/a/b/manifests/v1?ns=quay.io");
    assert.equal(answer.status, 200);
    await using wire = await openWire(t.port);
    wire.send("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\nmore");
    assert.equal(await wire.ended(), "fin");
    assert.match(wire.received().toString(), /^HTTP\/1\.1 405 /);
  });

  test("case 8: a name that is too long is not found, one in upper case is invalid", async () => {
    await using t = await openTestMirror();
    const long = await ask(t.port, `/v2/${"a".repeat(250)}/manifests/v1?ns=quay.io`);
    assert.deepEqual([long.status, codeOf(long)], [404, "NAME_INVALID"]);
    const upper = await ask(t.port, "/v2/Nginx/manifests/v1");
    assert.deepEqual([upper.status, codeOf(upper)], [400, "NAME_INVALID"]);
  });

  test("case 9: a single name of Docker Hub is mapped to library/ without a redirect", async () => {
    await using t = await openTestMirror();
    t.backend.addManifest("docker.io/library/nginx", "v1", "{}", OCI);
    assert.equal((await ask(t.port, "/v2/nginx/manifests/v1?ns=docker.io")).status, 200);
    assert.equal((await ask(t.port, "/v2/nginx/manifests/v1")).status, 200);
  });

  test("case 10: /v2 without a slash is the ping, an empty reference is not found", async () => {
    await using t = await openTestMirror({ defaultRegistry: undefined });
    for (const path of ["/v2", "/v2/"]) {
      const answer = await ask(t.port, path);
      assert.deepEqual([answer.status, answer.body.toString()], [200, "{}"], path);
      assert.equal(answer.headers["docker-distribution-api-version"], "registry/2.0");
    }
    assert.equal((await ask(t.port, "/v2/x/manifests/")).status, 404);
  });

  test("case 12: without ns and default registry nothing is guessed", async () => {
    await using t = await openTestMirror({ defaultRegistry: undefined });
    const answer = await ask(t.port, "/v2/nginx/manifests/v1");
    assert.deepEqual([answer.status, codeOf(answer)], [404, "NAME_UNKNOWN"]);
  });

  test("case 13: a refused name reaches no backend, warns once and is listed for the operator", async () => {
    await using t = await openTestMirror();
    for (let at = 0; at < 3; at += 1) assert.equal((await ask(t.port, "/v2/a/b/manifests/v1?ns=169.254.169.254")).status, 404);
    assert.equal(t.backend.manifestRequests.length, 0);
    const warnings = t.log.lines.filter((line) => line.level === "warn");
    assert.equal(warnings.length, 1);
    assert.match(JSON.stringify(warnings[0]), /registries: \{/);
    assert.deepEqual(
      t.mirror.refusedRegistries().map(({ registry, requests }) => [registry, requests]),
      [["169.254.169.254", 3]],
    );
  });

  test("case 13: a listed address is served", async () => {
    await using t = await openTestMirror({ registries: ["10.0.0.5:5000"] });
    t.backend.addManifest("10.0.0.5:5000/a/b", "v1", "{}", OCI);
    assert.equal((await ask(t.port, "/v2/a/b/manifests/v1?ns=10.0.0.5:5000")).status, 200);
  });

  test("case 17: ns that names the very address the request came to is a loop, also where it is listed", async () => {
    await using t = await openTestMirror({ registries: ["harbor.corp"] });
    const own = `127.0.0.1:${String(t.port)}`;
    assert.equal((await ask(t.port, `/v2/a/b/manifests/v1?ns=${own}`)).status, 404);
    await using listed = await openTestMirror({ registries: ["mirror.corp:4101"], ownAddresses: ["mirror.corp:4101"] });
    assert.equal((await ask(listed.port, "/v2/a/b/manifests/v1?ns=mirror.corp:4101")).status, 404);
    assert.equal(listed.backend.manifestRequests.length, 0);
  });

  test("case 17: a request that has passed a mirror already is a loop", async () => {
    await using t = await openTestMirror();
    const answer = await ask(t.port, "/v2/a/b/manifests/v1?ns=quay.io", { headers: { Via: "1.1 proxy.corp, 1.1 darner" } });
    assert.equal(answer.status, 508);
    assert.equal((await ask(t.port, "/v2/a/b/manifests/v1?ns=quay.io", { headers: { Via: "1.1 proxy.corp" } })).status, 404);
  });

  test("case 18: OCI-Namespace echoes ns as received, on success and on errors within it, and never without ns", async () => {
    await using t = await openTestMirror();
    t.backend.addManifest("docker.io/library/x", "v1", "{}", OCI);
    assert.equal((await ask(t.port, "/v2/x/manifests/v1?ns=index.docker.io")).headers["oci-namespace"], "index.docker.io");
    assert.equal((await ask(t.port, "/v2/x/manifests/v2?ns=reg%3A5000")).headers["oci-namespace"], "reg:5000");
    assert.equal((await ask(t.port, "/v2/x/manifests/v1")).headers["oci-namespace"], undefined);
    assert.equal((await ask(t.port, "/v2/x/manifests/v1?ns=BAD")).headers["oci-namespace"], undefined);
  });

  test("podman's path form is served and its ping falls on the default registry", async () => {
    await using t = await openTestMirror();
    t.backend.addManifest("quay.io/a/b", "v1", "{}", OCI);
    t.backend.addManifest("registry.corp:5000/a", "v1", "{}", OCI);
    assert.equal((await ask(t.port, "/v2/quay.io/a/b/manifests/v1")).status, 200);
    assert.equal((await ask(t.port, "/v2/registry.corp_5000/a/manifests/v1")).status, 200);
    const challenge = 'Bearer realm="https://auth.example/token",service="registry"';
    const body = new Uint8Array();
    t.backend.listings.set("docker.io/v2/", { kind: "listing", status: 401, headers: { "WWW-Authenticate": challenge }, body });
    const ping = await ask(t.port, "/v2/");
    assert.deepEqual([ping.status, ping.headers["www-authenticate"]], [401, challenge]);
  });

  test("case 86: the same repository and tag at two registries are never mixed", async () => {
    await using t = await openTestMirror();
    t.backend.addManifest("quay.io/a/b", "v1", "one", OCI);
    t.backend.addManifest("ghcr.io/a/b", "v1", "two", OCI);
    assert.equal((await ask(t.port, "/v2/a/b/manifests/v1?ns=quay.io")).body.toString(), "one");
    assert.equal((await ask(t.port, "/v2/a/b/manifests/v1?ns=ghcr.io")).body.toString(), "two");
  });
});
