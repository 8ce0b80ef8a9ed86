import assert from "node:assert/strict";
import { test } from "node:test";
import { noLeaks, openScriptedRegistry, randomBlob, selfSigned } from "@darner/testkit";
import { ada, asked, blobRead, failure, openBench, own, read, type Bench, type BenchPlan } from "../../test/setup.ts";
import { withDefaults } from "../config.ts";
import { dialPermission } from "./host-policy.ts";
import { upstreamOf } from "./upstream.ts";

noLeaks();

const blob = randomBlob("hops", 1000);

async function bench(plan: BenchPlan = {}): Promise<Bench> {
  const made = await openBench(plan);
  made.registry.content.pushBlob("team/app", blob.bytes);
  return made;
}

const signedIn: BenchPlan = { registry: { access: { scheme: "basic", users: { ada: "pass:word" } } }, entry: { credentials: ada } };
const toBlob = { kind: "blob" } as const;

test("case 75: no credential goes to another host, and the Range goes along on every hop", async () => {
  await using b = await bench(signedIn);
  b.registry.fault({ when: { ...toBlob, path: "blobs" }, skip: 1, do: { kind: "redirect", to: "second" } });
  const range = { start: 10, end: 20 };
  assert.deepEqual(await read(b, blob, { authority: own, range }), Buffer.from(blob.bytes.subarray(10, 20)));
  const last = b.registry.requests.slice(-2);
  assert.deepEqual(
    last.map(({ host, authorization, range: asked }) => [host, authorization, asked]),
    [
      ["first", "Basic", "bytes=10-19"],
      ["second", undefined, "bytes=10-19"],
    ],
  );
  assert.equal(last[1]?.headers["cookie"], undefined);
  // Case 17: a mirror that is asked by a mirror knows it by this; a storage host need not.
  assert.deepEqual(
    last.map(({ headers }) => headers["via"]),
    ["1.1 darner", undefined],
  );
});

test("case 75: on the same host the credential is kept; a Location may be relative", async () => {
  await using b = await bench(signedIn);
  b.registry.content.pushBlob("team/moved", blob.bytes);
  const location = `../../moved/blobs/${blob.digest}`;
  b.registry.fault({ when: { ...toBlob, path: "team/app" }, skip: 1, do: { kind: "redirect", to: { location }, status: 302 } });
  assert.equal((await read(b, blob, { authority: own })).length, 1000);
  assert.deepEqual(
    b.registry.requests.slice(-2).map(({ path, authorization }) => [path.split("/")[3], authorization]),
    [
      ["app", "Basic"],
      ["moved", "Basic"],
    ],
  );
});

test("case 75: a credential dropped on the way out does not come back on the way home", async () => {
  await using b = await bench(signedIn);
  b.registry.fault({ when: { ...toBlob, path: "team/app" }, skip: 1, times: 1, do: { kind: "redirect", to: "second" } });
  b.registry.fault({ when: { ...toBlob, host: "second" }, times: 1, do: { kind: "redirect", to: "first" } });
  await read(b, blob, { authority: own });
  // The way home ends at the registry's 401, which is no word about the caller: it is tried again from the start.
  assert.deepEqual(
    b.registry.requests.map(({ host, authorization, status }) => [host, authorization, status]),
    [
      ["first", undefined, 401],
      ["first", "Basic", 307],
      ["second", undefined, 307],
      ["first", undefined, 401],
      ["first", "Basic", 200],
    ],
  );
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`case 75: a ${String(status)} is followed`, async () => {
    await using b = await bench();
    b.registry.fault({ when: toBlob, do: { kind: "redirect", to: "second", status } });
    assert.equal((await read(b, blob)).length, 1000);
  });
}

test("case 75: ten hops are followed, a loop ends", async () => {
  await using b = await bench();
  b.registry.fault({ when: toBlob, times: 10, do: { kind: "redirect", to: "first" } });
  assert.equal((await read(b, blob)).length, 1000);
  assert.equal(b.registry.requests.length, 11);
  b.registry.fault({ when: toBlob, do: { kind: "redirect", to: "first" } });
  assert.equal((await failure(read(b, blob), "refused")).status, 307);
});

test("case 75: a Location with a user name, of another protocol or that is none is not followed", async () => {
  await using b = await bench();
  for (const location of [`http://user:pw@${b.registry.secondHost}/x`, "ftp://127.0.0.1/x", "file:///etc/passwd", "http://[", "http://"]) {
    const fault = b.registry.fault({ when: toBlob, do: { kind: "redirect", to: { location } } });
    await failure(read(b, blob), "refused");
    fault.remove();
  }
  assert.deepEqual(
    asked(b, "blob"),
    Array.from({ length: 5 }, () => "GET first"),
  );
});

test("case 75: https to http is refused", async () => {
  const tls = selfSigned();
  await using storage = await openScriptedRegistry();
  await using b = await bench({
    registry: { tls },
    entry: { ca: tls.cert },
    config: { registries: { [storage.host]: { plainHttp: true } } },
  });
  b.registry.fault({ when: toBlob, do: { kind: "redirect", to: { location: `${storage.origin}/x` } } });
  await failure(read(b, blob), "refused");
  assert.equal(storage.requests.length, 0);
});

test("case 14: a redirect to an address or name that may not be dialled is refused, at every hop", async () => {
  await using b = await bench({ deps: { lookup: async () => [{ address: "169.254.169.254", family: 4 }] } });
  for (const host of [
    "169.254.169.254",
    "127.0.0.1:1",
    "localhost:1",
    "[::1]:1",
    "2130706433",
    "0x7f.1",
    "kubernetes",
    "innocent.example",
  ]) {
    const fault = b.registry.fault({ when: toBlob, do: { kind: "redirect", to: { location: `http://${host}/latest/meta-data` } } });
    await failure(read(b, blob), "host-refused");
    fault.remove();
  }
});

test("case 14: only a listed registry may lead to another listed one at a private address", () => {
  const settings = withDefaults({ registries: { "harbor.corp": {}, "minio.corp:9000": {} } });
  const storage = new URL("https://minio.corp:9000/x");
  assert.equal(dialPermission(upstreamOf("harbor.corp", settings), storage).private, true);
  assert.equal(dialPermission(upstreamOf("harbor.corp", settings), new URL("https://minio.corp/x")).private, false);
  assert.equal(dialPermission(upstreamOf("evil.example", settings), storage).private, false);
});

test("a redirect is never remembered: the next request starts at the registry", async () => {
  await using b = await bench();
  b.registry.fault({ when: toBlob, do: { kind: "redirect", to: "second" } });
  await read(b, blob);
  await read(b, blob);
  assert.deepEqual(asked(b, "blob"), ["GET first", "GET second", "GET first", "GET second"]);
});

test("case 77: a storage host's URL stays out of errors and events", async () => {
  await using b = await bench();
  b.registry.fault({
    when: toBlob,
    do: { kind: "redirect", to: { location: `http://${b.registry.secondHost}/x?X-Amz-Signature=secret` } },
  });
  const error = await b.client
    .readBlob(blobRead(b, blob), () => undefined)
    .then(
      () => assert.fail("should not succeed"),
      (reason: unknown) => reason,
    );
  assert.ok(error instanceof Error);
  assert.ok(!`${error.message} ${JSON.stringify(error)} ${b.log.text()} ${JSON.stringify(b.events)}`.includes("Amz"));
});

test("case 84: https with a certificate of the operator's own; without it the registry is unavailable", async () => {
  const tls = selfSigned();
  await using b = await bench({ registry: { tls }, entry: { ca: tls.cert } });
  b.registry.fault({ when: toBlob, do: { kind: "redirect", to: "second" } });
  assert.equal((await read(b, blob)).length, 1000);
  await using stranger = await bench({ registry: { tls } });
  await failure(read(stranger, blob), "unavailable");
  assert.equal(stranger.registry.requests.length, 0);
});

test("no more connections are open than configured, and a request that waits for one gets it", async () => {
  await using b = await bench({ config: { maxConnectionsPerRegistry: 2 } });
  let most = 0;
  let open = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      let first = true;
      await b.client.readBlob(blobRead(b, blob), async () => {
        if (first) open += 1;
        first = false;
        most = Math.max(most, open);
        await new Promise(setImmediate);
        open -= 1;
      });
    }),
  );
  assert.ok(most <= 2);
  assert.equal(b.registry.requests.length, 8);
});
