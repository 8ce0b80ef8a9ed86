import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { buildImage } from "../fixtures.ts";
import { openScriptedRegistry, type ScriptedRegistry } from "./scripted-registry.ts";

const image = buildImage({ layers: [{ bytes: 200_000, seed: 1 }] });
const layer = image.layers[0] ?? assert.fail("no layer");
const blobPath = `/v2/team/app/blobs/${layer.digest}`;
let registry: ScriptedRegistry;

before(async () => {
  registry = await openScriptedRegistry();
  registry.content.push("team/app", image, "v1");
});
beforeEach(() => {
  registry.clearFaults();
  registry.requests.length = 0;
});
after(() => registry.close());

const get = (path: string, init: RequestInit = {}): Promise<Response> => fetch(registry.origin + path, init);
const bytesOf = async (response: Response): Promise<Uint8Array> => new Uint8Array(await response.arrayBuffer());

test("an image comes by tag, by digest and blob by blob", async () => {
  const index = await get("/v2/team/app/manifests/v1");
  assert.equal(index.headers.get("docker-content-digest"), image.index.digest);
  assert.deepEqual(await bytesOf(index), image.index.bytes);
  const manifest = await get(`/v2/team/app/manifests/${image.manifest.digest}`);
  assert.equal(manifest.headers.get("content-type"), image.manifest.mediaType);
  assert.deepEqual(await bytesOf(manifest), image.manifest.bytes);
  assert.deepEqual(await bytesOf(await get(blobPath)), layer.bytes);
  assert.equal((await get("/v2/team/app/manifests/none")).status, 404);
  assert.equal((await get("/v2/other/app/manifests/v1")).status, 404);
});

test("a HEAD tells the length and sends nothing; the log counts body bytes", async () => {
  const head = await get(blobPath, { method: "HEAD" });
  assert.equal(head.headers.get("content-length"), "200000");
  assert.equal(registry.bodyBytes(), 0);
  await bytesOf(await get(blobPath));
  assert.equal(registry.bodyBytes(), 200_000);
  assert.deepEqual(
    registry.requests.map(({ method, path, status }) => ({ method, path, status })),
    [
      { method: "HEAD", path: blobPath, status: 200 },
      { method: "GET", path: blobPath, status: 200 },
    ],
  );
});

test("ranges are honoured, clipped and refused as a real registry does", async () => {
  const part = await get(blobPath, { headers: { range: "bytes=10-19" } });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get("content-range"), "bytes 10-19/200000");
  assert.deepEqual(await bytesOf(part), layer.bytes.subarray(10, 20));
  const tail = await get(blobPath, { headers: { range: "bytes=-5" } });
  assert.deepEqual(await bytesOf(tail), layer.bytes.subarray(-5));
  assert.equal((await get(blobPath, { headers: { range: "bytes=200000-" } })).status, 416);
});

test("tags come in pages", async () => {
  registry.content.pushManifest("paged", image.manifest, "a");
  registry.content.pushManifest("paged", image.manifest, "b");
  const first = await get("/v2/paged/tags/list?n=1");
  assert.deepEqual(((await first.json()) as { tags: string[] }).tags, ["a"]);
  assert.equal(first.headers.get("link"), `</v2/paged/tags/list?n=1&last=a>; rel="next"`);
});

test("a fault strikes the requests it is for, as often as it may", async () => {
  const fault = registry.fault({ when: { kind: "blob", method: "GET" }, skip: 1, times: 1, do: { kind: "status", status: 503 } });
  const statuses = [];
  for (let n = 0; n < 3; n += 1) statuses.push((await get(blobPath)).status);
  assert.deepEqual(statuses, [200, 503, 200]);
  assert.equal(fault.struck, 1);
});

test("a cut body ends short, at the byte that was scripted", async () => {
  registry.fault({ do: { kind: "cut", afterBytes: 1000 } });
  await assert.rejects(bytesOf(await get(blobPath)));
  assert.equal(registry.requests[0]?.bodyBytes, 1000);
});

test("a corrupt byte is wrong in whole and in ranged answers", async () => {
  registry.fault({ do: { kind: "corrupt", offset: 100 } });
  const whole = await bytesOf(await get(blobPath));
  assert.notEqual(whole[100], layer.bytes[100]);
  assert.deepEqual(whole.subarray(101), layer.bytes.subarray(101));
  const part = await bytesOf(await get(blobPath, { headers: { range: "bytes=90-110" } }));
  assert.notEqual(part[10], layer.bytes[100]);
  assert.equal(layer.bytes[100], (whole[100] ?? 0) ^ 0xff);
});

test("other faults: ignored range, chunked, gzip, html, wrong Content-Range, changed headers", async () => {
  const once = { times: 1, when: { kind: "blob" } } as const;
  const range = { headers: { range: "bytes=0-9" } };
  registry.fault({ ...once, do: { kind: "ignore-range" } });
  assert.equal((await get(blobPath, range)).status, 200);
  registry.fault({ ...once, do: { kind: "chunked" } });
  assert.equal((await get(blobPath)).headers.get("content-length"), null);
  registry.fault({ ...once, do: { kind: "gzip" } });
  assert.equal((await get(blobPath)).headers.get("content-encoding"), "gzip");
  registry.fault({ ...once, do: { kind: "html" } });
  assert.match((await get(blobPath)).headers.get("content-type") ?? "", /^text\/html/);
  registry.fault({ ...once, do: { kind: "content-range", value: "bytes 1-10/200000" } });
  assert.equal((await get(blobPath, range)).headers.get("content-range"), "bytes 1-10/200000");
  registry.fault({ ...once, do: { kind: "headers", set: { "docker-content-digest": undefined, warning: "299" } } });
  const changed = await get(blobPath);
  assert.equal(changed.headers.get("docker-content-digest"), null);
  assert.equal(changed.headers.get("warning"), "299");
});

test("a redirect leads to the second host, which records whether a credential arrived", async () => {
  registry.fault({ when: { kind: "blob" }, do: { kind: "redirect", to: "second" } });
  const response = await get(blobPath);
  assert.ok(response.url.includes(registry.secondHost));
  assert.deepEqual(await bytesOf(response), layer.bytes);
  assert.deepEqual(
    registry.requests.map(({ host, authorization }) => ({ host, authorization })),
    [
      { host: "first", authorization: undefined },
      { host: "second", authorization: undefined },
    ],
  );
});

test("a slow answer arrives whole, however often its socket drains between two slices", async () => {
  registry.fault({ do: { kind: "slow", bytesPerSecond: 4_000_000 } });
  assert.deepEqual(await bytesOf(await get(blobPath)), layer.bytes);
});

test("a held answer goes on when it is let go", async () => {
  let release = (): void => undefined;
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  registry.fault({ do: { kind: "hold", afterBytes: 70_000, until } });
  const body: AsyncIterable<Uint8Array> = (await get(blobPath)).body ?? assert.fail("no body");
  let got = 0;
  for await (const chunk of body) {
    got += chunk.length;
    if (got === 70_000) release();
  }
  assert.equal(got, 200_000);
});

test("a held answer does not keep the registry from closing", async () => {
  await using own = await openScriptedRegistry();
  own.fault({ do: { kind: "hold" } });
  const pending = assert.rejects(fetch(`${own.origin}/v2/`));
  while (own.requests.length === 0) await new Promise(setImmediate);
  await own.close();
  await pending;
});

test("bearer tokens: challenge, anonymous token, private repository, users, expiry", async () => {
  await using own = await openScriptedRegistry({
    access: { scheme: "bearer", users: { ada: "pass:word" }, privateRepositories: ["closed"], expiresInSeconds: 300 },
  });
  own.content.push("open", image);
  own.content.push("closed", image);
  const manifest = (repository: string, authorization?: string): Promise<Response> =>
    fetch(`${own.origin}/v2/${repository}/manifests/latest`, authorization === undefined ? {} : { headers: { authorization } });
  const token = async (repository: string, authorization?: string): Promise<Response> =>
    fetch(
      `${own.origin}/token?service=scripted&scope=repository:${repository}:pull`,
      authorization === undefined ? {} : { headers: { authorization } },
    );
  const bearer = async (response: Response): Promise<string> => `Bearer ${((await response.json()) as { token: string }).token}`;

  const challenged = await manifest("open");
  assert.equal(challenged.status, 401);
  assert.equal(
    challenged.headers.get("www-authenticate"),
    `Bearer realm="${own.origin}/token",service="scripted",scope="repository:open:pull"`,
  );
  const anonymous = await bearer(await token("open"));
  assert.equal((await manifest("open", anonymous)).status, 200);
  assert.equal((await manifest("closed", anonymous)).status, 401);
  assert.equal((await manifest("closed", await bearer(await token("closed")))).status, 401);
  assert.equal((await token("closed", `Basic ${btoa("ada:wrong")}`)).status, 401);
  const ada = await bearer(await token("closed", `Basic ${btoa("ada:pass:word")}`));
  assert.equal((await manifest("closed", ada)).status, 200);
  own.expireTokens();
  const expired = await manifest("closed", ada);
  assert.match(expired.headers.get("www-authenticate") ?? "", /error="invalid_token"/);
});

test("basic: the password opens everything, nothing else does", async () => {
  await using own = await openScriptedRegistry({ access: { scheme: "basic", users: { ada: "secret" } } });
  own.content.push("app", image);
  assert.equal((await fetch(`${own.origin}/v2/`)).headers.get("www-authenticate"), `Basic realm="registry"`);
  const headers = { authorization: `Basic ${btoa("ada:secret")}` };
  assert.equal((await fetch(`${own.origin}/v2/app/manifests/latest`, { headers })).status, 200);
});
