import assert from "node:assert/strict";
import { test } from "node:test";
import type { Relayed, RelayRequest } from "@darner/registry-client";
import { buildImage, noLeaks } from "@darner/testkit";
import { ada, anonymous, asked, caller, failure, openBench, own, type Bench, type BenchPlan } from "../../test/setup.ts";

noLeaks();

const image = buildImage({ layers: [{ bytes: 50, seed: 1 }] });

async function bench(plan: BenchPlan = {}): Promise<Bench> {
  const made = await openBench(plan);
  made.registry.content.push("team/app", image, "v1");
  made.registry.content.push("team/app", image, "v2");
  return made;
}

const relay = (b: Bench, path: string, more: Partial<RelayRequest> = {}): Promise<Relayed> =>
  b.client.relay({ registry: b.registry.host, path, authority: anonymous, ...more });
const textOf = ({ body }: Relayed): string => new TextDecoder().decode(body);

test("case 39: a page of tags comes byte for byte, with its Link", async () => {
  await using b = await bench();
  const page = await relay(b, "/v2/team/app/tags/list?n=1&last=v0", { repository: "team/app" });
  assert.equal(page.status, 200);
  assert.equal(textOf(page), `{"name":"team/app","tags":["v1"]}`);
  assert.equal(page.headers["link"], `</v2/team/app/tags/list?n=1&last=v1>; rel="next"`);
  assert.equal(b.registry.requests[0]?.query, "n=1&last=v0");
});

test("case 38: a 404 to referrers is an answer, with its body", async () => {
  await using b = await bench();
  b.registry.fault({
    when: { kind: "referrers" },
    do: { kind: "status", status: 404, headers: { "content-type": "text/plain" }, body: "404 page not found" },
  });
  const answer = await relay(b, `/v2/team/app/referrers/${image.manifest.digest}`, { repository: "team/app" });
  assert.deepEqual([answer.status, textOf(answer), answer.headers["content-type"]], [404, "404 page not found", "text/plain"]);
});

test("a 5xx is an answer too", async () => {
  await using b = await bench();
  b.registry.fault({ do: { kind: "status", status: 502, body: "bad" } });
  assert.equal((await relay(b, "/v2/")).status, 502);
});

test("headers of the connection, cookies and the registry's own ns are not passed on; what a client may see is", async () => {
  await using b = await bench();
  const set = {
    "set-cookie": "a=b",
    "oci-namespace": "other",
    "keep-alive": "timeout=5",
    connection: "close, x-private",
    "x-private": "1",
    "ratelimit-remaining": "99;w=21600",
    "oci-filters-applied": "artifactType",
  };
  b.registry.fault({ do: { kind: "headers", set } });
  const { headers } = await relay(b, "/v2/");
  assert.deepEqual(Object.keys(headers).sort(), ["content-type", "date", "oci-filters-applied", "ratelimit-remaining"]);
});

test("of the client's headers only Accept goes upstream", async () => {
  await using b = await bench();
  await relay(b, "/v2/", { headers: { Accept: "application/json", Cookie: "a=b", Range: "bytes=0-0", "If-None-Match": "x" } });
  const { headers } = b.registry.requests[0] ?? assert.fail("no request");
  assert.equal(headers["accept"], "application/json");
  assert.deepEqual([headers["cookie"], headers["range"], headers["if-none-match"]], [undefined, undefined, undefined]);
});

test("the token flow is done for Darner's own and for anonymous requests", async () => {
  await using b = await bench({
    registry: { access: { scheme: "bearer", users: { ada: "pass:word" }, privateRepositories: ["team/app"] } },
    entry: { credentials: ada },
  });
  assert.equal((await relay(b, "/v2/team/app/tags/list", { repository: "team/app", authority: own })).status, 200);
  assert.equal((await relay(b, "/v2/", { authority: anonymous })).status, 200);
  assert.equal(asked(b, "token").length, 2);
});

test("case 71: a 401 that stays is the registry's own answer, with every challenge", async () => {
  await using b = await bench({ registry: { access: { scheme: "bearer", users: { ada: "pass:word" } } } });
  const own401 = await relay(b, "/v2/", { authority: caller("Bearer wrong") });
  assert.equal(own401.status, 401);
  assert.deepEqual(own401.headers["www-authenticate"], [
    `Bearer realm="${b.registry.origin}/token",service="scripted",error="invalid_token"`,
  ]);
  assert.match(textOf(own401), /UNAUTHORIZED/);
  const two = [`Basic realm="x"`, `Bearer realm="${b.registry.origin}/token",service="scripted"`];
  b.registry.fault({ when: { kind: "ping" }, do: { kind: "status", status: 401, headers: { "www-authenticate": two } } });
  assert.deepEqual((await relay(b, "/v2/", { authority: caller("Bearer wrong") })).headers["www-authenticate"], two);
});

test("where the token service fails, the registry's own 401 is the answer", async () => {
  await using b = await bench({ registry: { access: { scheme: "bearer" } } });
  b.registry.fault({ when: { kind: "token" }, do: { kind: "status", status: 503 } });
  const answer = await relay(b, "/v2/");
  assert.equal(answer.status, 401);
  assert.match(textOf(answer), /UNAUTHORIZED/);
});

test("case 79: a challenge with a stranger's realm is not shown to a client", async () => {
  await using b = await bench({ registry: { access: { scheme: "bearer", realm: "https://evil.example/token" } } });
  const answer = await relay(b, "/v2/");
  assert.equal(answer.status, 401);
  assert.equal(answer.headers["www-authenticate"], undefined);
});

test("an answer beyond the bound is no answer", async () => {
  await using b = await bench();
  b.registry.fault({ do: { kind: "status", status: 200, body: "x".repeat(16 * 1024 * 1024 + 1) } });
  await failure(relay(b, "/v2/"), "invalid-answer");
});

test("only paths below /v2/ are relayed", async () => {
  await using b = await bench();
  for (const path of ["/", "/admin", "v2/", "/v2", "/v2/a b", "/v2/\r\nx", "http://evil/v2/"]) await failure(relay(b, path), "refused");
  assert.equal(b.registry.requests.length, 0);
});
