import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noLeaks } from "@darner/testkit";
import { ask, codeOf } from "../test/ask.ts";
import type { Listing } from "./mirror-backend.ts";
import { openTestMirror } from "../test/open-test-mirror.ts";

const DIGEST = `sha256:${"d".repeat(64)}`;

function listing(status: number, headers: Listing["headers"], body: string): Listing {
  return { kind: "listing", status, headers, body: Buffer.from(body) };
}

describe("listings and errors", () => {
  noLeaks();

  test("case 38: referrers are passed through with their exact type and the filter that was applied", async () => {
    await using t = await openTestMirror();
    const type = "application/vnd.oci.image.index.v1+json";
    const headers = {
      "Content-Type": `${type}; charset=utf-8`,
      "OCI-Filters-Applied": "artifactType",
      "Set-Cookie": "a=b",
      "OCI-Namespace": "evil",
    };
    t.backend.listings.set(`quay.io/v2/a/b/referrers/${DIGEST}?artifactType=x%2Fy`, listing(200, headers, '{"manifests":[]}'));
    const answer = await ask(t.port, `/v2/a/b/referrers/${DIGEST}?ns=quay.io&artifactType=x%2Fy`);
    assert.deepEqual([answer.status, answer.headers["content-type"]], [200, type]);
    assert.equal(answer.headers["oci-filters-applied"], "artifactType");
    assert.equal(answer.headers["set-cookie"], undefined);
    assert.equal(answer.headers["oci-namespace"], "quay.io");
    assert.equal(answer.body.toString(), '{"manifests":[]}');
  });

  test("case 38: a registry without the referrers API is relayed as the 404 it gives, byte for byte", async () => {
    await using t = await openTestMirror();
    const body = '{"errors":[{"code":"UNSUPPORTED","detail":{"x":1}}]}\n';
    t.backend.listings.set(`quay.io/v2/a/b/referrers/${DIGEST}`, listing(404, { "content-type": "application/json" }, body));
    const answer = await ask(t.port, `/v2/a/b/referrers/${DIGEST}?ns=quay.io`);
    assert.deepEqual([answer.status, answer.body.toString()], [404, body]);
    assert.equal((await ask(t.port, "/v2/a/b/referrers/sha256:12?ns=quay.io")).status, 400);
  });

  test("case 39: tag lists are passed through with their query, and the next page stays on the mirror", async () => {
    await using t = await openTestMirror();
    for (const query of ["n=0", "n=-1", "last=zzz", "n=2&last=a%20b"]) {
      const headers = { link: '<https://quay.io/v2/a/b/tags/list?last=b&n=2>; rel="next"', "content-type": "application/json" };
      t.backend.listings.set(`quay.io/v2/a/b/tags/list?${query}`, listing(200, headers, `{"name":"a/b","tags":null,"extra":"${query}"}`));
      const answer = await ask(t.port, `/v2/a/b/tags/list?${query}&ns=quay.io`);
      assert.equal(answer.status, 200, query);
      assert.match(answer.body.toString(), /"extra"/);
      assert.equal(answer.headers["link"], '</v2/a/b/tags/list?last=b&n=2&ns=quay.io>; rel="next"');
    }
  });

  test("case 39: the next page of a list asked in podman's form keeps that form", async () => {
    await using t = await openTestMirror();
    t.backend.listings.set("quay.io/v2/a/b/tags/list", listing(200, { link: '</v2/a/b/tags/list?last=b>; rel="next"' }, "{}"));
    const answer = await ask(t.port, "/v2/quay.io/a/b/tags/list");
    assert.equal(answer.headers["link"], '</v2/quay.io/a/b/tags/list?last=b>; rel="next"');
  });

  test("a next page on another path is an error, not a list that silently ends", async () => {
    await using t = await openTestMirror();
    t.backend.listings.set("quay.io/v2/a/b/tags/list", listing(200, { link: '<https://cdn.example/next>; rel="next"' }, "{}"));
    assert.equal((await ask(t.port, "/v2/a/b/tags/list?ns=quay.io")).status, 502);
  });

  test("case 18: neither ns nor conditional headers reach the registry", async () => {
    await using t = await openTestMirror();
    await ask(t.port, "/v2/a/b/tags/list?ns=quay.io&n=5", {
      headers: { "If-None-Match": "*", Range: "bytes=0-1", Cookie: "x", Accept: "a/b" },
    });
    const [request] = t.backend.listingRequests;
    assert.deepEqual(
      [request?.registry, request?.repository, request?.path, request?.headers],
      ["quay.io", "a/b", "/v2/a/b/tags/list?n=5", { accept: "a/b" }],
    );
  });

  test("case 71: challenges are relayed as they came, all of them, and nothing else is told", async () => {
    await using t = await openTestMirror();
    const challenges = ['bEARER Realm="https://auth.example/token",service="s",scope="repository:a/b:pull"', 'Basic realm="x"'];
    const body = { bytes: Buffer.from('{"errors":[{"code":"UNAUTHORIZED"}]}'), contentType: "application/json; charset=utf-8" };
    t.backend.manifests.set("quay.io/a/b:v1", { kind: "refused", status: 401, code: "UNAUTHORIZED", message: "no", challenges, body });
    const answer = await ask(t.port, "/v2/a/b/manifests/v1?ns=quay.io");
    assert.equal(answer.status, 401);
    assert.deepEqual(answer.distinct["www-authenticate"], challenges);
    assert.deepEqual(answer.body, body.bytes);
    assert.equal(answer.headers["content-type"], body.contentType);
  });

  test("case 72: a refusal's status and code are relayed, without a challenge where it is no 401", async () => {
    await using t = await openTestMirror();
    const refused = { kind: "refused", status: 403, code: "DENIED", message: "pull access denied", challenges: ["Basic"] } as const;
    t.backend.blobs.set(`quay.io/a/b@${DIGEST}`, refused);
    const answer = await ask(t.port, `/v2/a/b/blobs/${DIGEST}?ns=quay.io`, { headers: { Authorization: "Bearer nonsense" } });
    assert.deepEqual([answer.status, codeOf(answer), answer.headers["www-authenticate"]], [403, "DENIED", undefined]);
  });

  test("case 73: the error of an expired token survives", async () => {
    await using t = await openTestMirror();
    const challenge = 'Bearer realm="https://auth.example/token",error="invalid_token"';
    t.backend.listings.set("quay.io/v2/a/b/tags/list", listing(401, { "www-authenticate": [challenge] }, "{}"));
    assert.equal((await ask(t.port, "/v2/a/b/tags/list?ns=quay.io")).headers["www-authenticate"], challenge);
  });

  test("case 74: a 403 on HEAD has no body, and the GET of the same path tells why", async () => {
    await using t = await openTestMirror();
    t.backend.manifests.set("quay.io/a/b:v1", { kind: "refused", status: 403, code: "DENIED", message: "quota" });
    const head = await ask(t.port, "/v2/a/b/manifests/v1?ns=quay.io", { method: "HEAD" });
    assert.deepEqual([head.status, head.body.length], [403, 0]);
    assert.match((await ask(t.port, "/v2/a/b/manifests/v1?ns=quay.io")).body.toString(), /quota/);
  });

  test("case 78: the client never sees a 429, but a 503 with what the registry said about when", async () => {
    await using t = await openTestMirror();
    t.backend.manifests.set("quay.io/a/b:v1", {
      kind: "refused",
      status: 429,
      code: "TOOMANYREQUESTS",
      message: "slow down",
      retryAfterSeconds: 11.2,
    });
    t.backend.listings.set("quay.io/v2/a/b/tags/list", listing(429, { "retry-after": "9", "ratelimit-remaining": "0" }, "{}"));
    const manifest = await ask(t.port, "/v2/a/b/manifests/v1?ns=quay.io");
    assert.deepEqual([manifest.status, manifest.headers["retry-after"]], [503, "12"]);
    const tags = await ask(t.port, "/v2/a/b/tags/list?ns=quay.io");
    assert.deepEqual([tags.status, tags.headers["retry-after"], tags.headers["ratelimit-remaining"]], [503, "9", "0"]);
  });

  test("cases 77 and 80: the credential reaches the backend of its own request and no log", async () => {
    await using t = await openTestMirror();
    await ask(t.port, `/v2/a/b/blobs/${DIGEST}?ns=quay.io`, { headers: { Authorization: "Bearer s3cret" } });
    await ask(t.port, `/v2/a/b/blobs/${DIGEST}?ns=ghcr.io`);
    assert.equal(t.backend.blobRequests[0]?.caller.authorization?.reveal(), "Bearer s3cret");
    assert.equal(t.backend.blobRequests[1]?.caller.authorization, undefined);
    await ask(t.port, "/v2/a/b/tags/list?ns=10.0.0.1", { headers: { Authorization: "Bearer s3cret" } });
    assert.doesNotMatch(t.log.text(), /s3cret/);
  });

  test("a ping without ns is answered where the default registry is down, one with ns is not", async () => {
    await using t = await openTestMirror();
    for (const registry of ["docker.io", "quay.io"]) {
      t.backend.listings.set(`${registry}/v2/`, { kind: "refused", status: 503, code: "UNSUPPORTED", message: "unreachable" });
    }
    assert.equal((await ask(t.port, "/v2/")).status, 200);
    assert.equal((await ask(t.port, "/v2/?ns=quay.io")).status, 503);
  });

  test("cases 88 and 89: catalogues, extensions, health and metrics are not found here", async () => {
    await using t = await openTestMirror();
    for (const path of ["/v2/_catalog", "/v2/_oci/ext/discover", "/v2/x/blobs/uploads/1", "/healthz", "/metrics", "/debug/pprof", "/"]) {
      const answer = await ask(t.port, path);
      assert.deepEqual([answer.status, codeOf(answer)], [404, "UNSUPPORTED"], path);
    }
    assert.equal(t.backend.listingRequests.length, 0);
  });

  test("case 90: HEAD answers have no body, no chunks and no encoding", async () => {
    await using t = await openTestMirror();
    t.backend.listings.set("quay.io/v2/a/b/tags/list", listing(200, {}, '{"tags":[]}'));
    for (const path of [
      "/v2/a/b/manifests/nope?ns=quay.io",
      "/v2/a/b/tags/list?ns=quay.io",
      "/v2/_catalog",
      `/v2/a/b/blobs/${DIGEST}?ns=quay.io`,
    ]) {
      const answer = await ask(t.port, path, { method: "HEAD", headers: { "Accept-Encoding": "gzip" } });
      assert.equal(answer.body.length, 0, path);
      assert.equal(answer.headers["transfer-encoding"] ?? answer.headers["content-encoding"], undefined, path);
    }
  });
});
