import assert from "node:assert/strict";
import { test } from "node:test";
import { noLeaks, randomBlob } from "@darner/testkit";
import { ada, asked, blobRead, caller, failure, openBench, own, read, type Bench, type BenchPlan } from "../../test/setup.ts";

noLeaks();

const blob = randomBlob("read-blob", 300_000);

async function bench(plan: BenchPlan = {}): Promise<Bench> {
  const made = await openBench(plan);
  made.registry.content.pushBlob("team/app", blob.bytes);
  return made;
}

test("a whole blob is asked for without Range, in one request", async () => {
  await using b = await bench();
  assert.deepEqual(await read(b, blob), Buffer.from(blob.bytes));
  assert.deepEqual(asked(b, "blob"), ["GET first"]);
  assert.deepEqual(b.events, [{ registry: b.registry.host, purpose: "blob", method: "GET", status: 200, bodyBytes: 300_000 }]);
});

test("a range is asked for in closed form and delivered at its offsets", async () => {
  await using b = await bench();
  const range = { start: 1000, end: 70_000 };
  assert.deepEqual(await read(b, blob, { range }), Buffer.from(blob.bytes.subarray(1000, 70_000)));
  assert.deepEqual(asked(b, "blob"), ["GET first bytes=1000-69999"]);
  assert.equal(b.registry.bodyBytes(), 69_000);
});

test("an empty range and an empty blob are read without a request", async () => {
  await using b = await bench();
  assert.equal((await read(b, blob, { range: { start: 5, end: 5 } })).length, 0);
  assert.equal((await read(b, randomBlob(1, 0))).length, 0);
  assert.equal(b.registry.requests.length, 0);
});

test("case 52: a body that ends short is resumed at the byte where it broke", async () => {
  await using b = await bench();
  b.registry.fault({ when: { kind: "blob" }, times: 2, do: { kind: "cut", afterBytes: 100_000 } });
  assert.deepEqual(await read(b, blob), Buffer.from(blob.bytes));
  assert.deepEqual(asked(b, "blob"), ["GET first", "GET first bytes=100000-299999", "GET first bytes=200000-299999"]);
  assert.equal(b.registry.bodyBytes(), 300_000);
});

test("case 52: a redirected stream that breaks is resumed from the registry's URL, with a new redirect", async () => {
  await using b = await bench();
  b.registry.fault({ when: { kind: "blob" }, do: { kind: "redirect", to: "second" } });
  b.registry.fault({ when: { kind: "blob", host: "second" }, times: 1, do: { kind: "cut", afterBytes: 65_536 } });
  assert.deepEqual(await read(b, blob), Buffer.from(blob.bytes));
  assert.deepEqual(asked(b, "blob"), ["GET first", "GET second", "GET first bytes=65536-299999", "GET second bytes=65536-299999"]);
});

test("case 52: three tries without a byte, and the registry is unavailable", async () => {
  await using b = await bench();
  b.registry.fault({ when: { kind: "blob" }, do: { kind: "cut", afterBytes: 0 } });
  await failure(read(b, blob), "unavailable");
  assert.equal(b.registry.requests.length, 3);
});

test("a passing 503 is tried again, a lasting one is told with its status", async () => {
  await using b = await bench();
  const fault = b.registry.fault({ when: { kind: "blob" }, times: 2, do: { kind: "status", status: 503 } });
  assert.deepEqual(await read(b, blob), Buffer.from(blob.bytes));
  fault.remove();
  b.registry.fault({ when: { kind: "blob" }, do: { kind: "status", status: 502 } });
  assert.equal((await failure(read(b, blob), "unavailable")).status, 502);
});

test("a registry that says when to come back is not asked before", async () => {
  await using b = await bench();
  b.registry.fault({ when: { kind: "blob" }, do: { kind: "status", status: 503, headers: { "retry-after": "7" } } });
  assert.deepEqual(await failure(read(b, blob), "unavailable"), { code: "unavailable", status: 503, retryAfterMs: 7000 });
  assert.equal(b.registry.requests.length, 1);
});

test("a stream that falls silent is broken off and resumed", async () => {
  await using b = await bench({ config: { timeouts: { idleMs: 60 } } });
  b.registry.fault({ when: { kind: "blob" }, times: 1, do: { kind: "hold", afterBytes: 100_000 } });
  assert.deepEqual(await read(b, blob), Buffer.from(blob.bytes));
  assert.deepEqual(asked(b, "blob"), ["GET first", "GET first bytes=100000-299999"]);
});

test("a registry that answers nothing is unavailable after the header time-out, three times", async () => {
  await using b = await bench({ config: { timeouts: { headersMs: 40 } } });
  b.registry.fault({ when: { kind: "blob" }, do: { kind: "hold" } });
  await failure(read(b, blob), "unavailable");
  assert.equal(b.registry.requests.length, 3);
});

test("case 51: 200 to a Range is told before any byte is delivered", async () => {
  await using b = await bench();
  b.registry.fault({ when: { kind: "blob" }, do: { kind: "ignore-range" } });
  let delivered = 0;
  const reading = b.client.readBlob(blobRead(b, blob, { range: { start: 10, end: 20 } }), (bytes) => {
    delivered += bytes.length;
  });
  await failure(reading, "range-ignored");
  assert.equal(delivered, 0);
  await failure(read(b, blob, { range: { start: 0, end: 20 } }), "range-ignored");
});

test("case 51: a whole read that breaks at a registry without Range starts over and delivers each byte once", async () => {
  await using b = await bench();
  b.registry.fault({ when: { kind: "blob" }, do: { kind: "ignore-range" } });
  b.registry.fault({ when: { kind: "blob" }, times: 1, do: { kind: "cut", afterBytes: 123_456 } });
  assert.deepEqual(await read(b, blob), Buffer.from(blob.bytes));
  assert.equal(b.registry.bodyBytes(), 423_456);
});

test("case 51: a registry without Content-Length is read to the end", async () => {
  await using b = await bench();
  b.registry.fault({ when: { kind: "blob" }, do: { kind: "chunked" } });
  assert.deepEqual(await read(b, blob), Buffer.from(blob.bytes));
  b.registry.fault({ when: { kind: "blob" }, times: 1, do: { kind: "cut", afterBytes: 65_536 } });
  assert.deepEqual(await read(b, blob), Buffer.from(blob.bytes));
});

test("a chunked body longer than the blob is no answer, and nothing beyond the size is delivered", async () => {
  await using b = await bench();
  b.registry.fault({ when: { kind: "blob" }, do: { kind: "chunked" } });
  let delivered = 0;
  const reading = b.client.readBlob({ ...blobRead(b, blob), size: 200_000, range: { start: 0, end: 200_000 } }, (bytes) => {
    delivered += bytes.length;
  });
  await failure(reading, "invalid-answer");
  assert.ok(delivered <= 200_000);
});

const wrongAnswers = [
  ["a Content-Range that starts elsewhere", { kind: "content-range", value: "bytes 1-9/300000" }],
  ["a Content-Range of another total", { kind: "content-range", value: "bytes 0-9/300001" }],
  ["a Content-Range that is none", { kind: "content-range", value: "bytes nonsense" }],
  ["a Content-Range whose length is not the body's", { kind: "content-range", value: "bytes 0-8/300000" }],
  ["a 206 without Content-Range", { kind: "headers", set: { "content-range": undefined } }],
  ["case 83: an encoded part", { kind: "gzip" }],
  ["case 82: an HTML page", { kind: "html" }],
  ["a 416 for bytes the blob has", { kind: "status", status: 416, headers: { "content-range": "bytes */5" } }],
] as const;
for (const [name, fault] of wrongAnswers) {
  test(`${name} is refused before any byte is delivered`, async () => {
    await using b = await bench();
    b.registry.fault({ when: { kind: "blob" }, do: fault });
    let calls = 0;
    await failure(
      b.client.readBlob(blobRead(b, blob, { range: { start: 0, end: 10 } }), () => {
        calls += 1;
      }),
      "invalid-answer",
    );
    assert.equal(calls, 0);
    assert.equal(b.registry.requests.length, 1);
  });
}

test("a part that begins elsewhere is refused also where its length does not give it away", async () => {
  await using b = await bench();
  b.registry.fault({ when: { kind: "blob" }, times: 1, do: { kind: "short-part", bytes: 9 } });
  b.registry.fault({ when: { kind: "blob" }, times: 1, do: { kind: "content-range", value: "bytes 1-9/300000" } });
  await failure(read(b, blob, { range: { start: 0, end: 10 } }), "invalid-answer");
});

test("case 82: an HTML page instead of a whole blob, and a blob of another length, are refused", async () => {
  await using b = await bench();
  b.registry.fault({ when: { kind: "blob" }, times: 1, do: { kind: "html" } });
  assert.match((await failure(read(b, blob), "invalid-answer")).what, /HTML/);
  const larger = { ...blob, size: 300_001 };
  assert.match((await failure(read(b, larger), "invalid-answer")).what, /300000 bytes, not 300001/);
});

test("case 76: a signed link that ended is asked for anew at the registry, and is no refusal of the caller", async () => {
  await using b = await bench();
  b.registry.fault({ when: { kind: "blob" }, do: { kind: "redirect", to: "second" } });
  b.registry.fault({ when: { kind: "blob", host: "second" }, times: 1, do: { kind: "cut", afterBytes: 65_536 } });
  const expired = b.registry.fault({ when: { kind: "blob", host: "second" }, skip: 1, times: 1, do: { kind: "status", status: 403 } });
  assert.deepEqual(await read(b, blob), Buffer.from(blob.bytes));
  assert.equal(expired.struck, 1);
  b.registry.fault({ when: { kind: "blob", host: "second" }, do: { kind: "status", status: 400 } });
  assert.equal((await failure(read(b, blob), "unavailable")).status, 400);
});

test("case 73: a token that ends in the middle of a blob is renewed once and the read goes on", async () => {
  await using b = await bench({
    registry: { access: { scheme: "bearer", users: { ada: "pass:word" }, privateRepositories: ["team/app"] } },
    entry: { credentials: ada },
  });
  b.registry.fault({ when: { kind: "blob" }, skip: 1, times: 1, do: { kind: "cut", afterBytes: 100_000 } });
  let expired = false;
  const parts: Uint8Array[] = [];
  await b.client.readBlob(blobRead(b, blob, { authority: own }), (bytes) => {
    if (!expired) b.registry.expireTokens();
    expired = true;
    parts.push(Uint8Array.from(bytes));
  });
  assert.deepEqual(Buffer.concat(parts), Buffer.from(blob.bytes));
  assert.equal(asked(b, "token").length, 2);
});

test("case 73: a caller's token that ends in the middle is not renewed: unauthorized, with the registry's challenge", async () => {
  await using b = await bench({ registry: { access: { scheme: "bearer", users: { ada: "pass:word" } } } });
  const { token } = (await (await fetch(`${b.registry.origin}/token?scope=repository:team/app:pull`)).json()) as { token: string };
  b.registry.requests.length = 0;
  b.registry.fault({ when: { kind: "blob" }, times: 1, do: { kind: "cut", afterBytes: 100_000 } });
  const refused = await failure(
    b.client.readBlob(blobRead(b, blob, { authority: caller(`Bearer ${token}`) }), () => b.registry.expireTokens()),
    "unauthorized",
  );
  assert.match(refused.challenges[0] ?? "", /^Bearer realm=.*error="invalid_token"$/);
  assert.deepEqual(asked(b, "token"), []);
});

test("404 is not-found with the registry's body, 403 is denied", async () => {
  await using b = await bench();
  const missing = await failure(read(b, randomBlob(9, 5)), "not-found");
  assert.match(new TextDecoder().decode(missing.body), /BLOB_UNKNOWN/);
  assert.equal(missing.contentType, "application/json");
  b.registry.fault({ do: { kind: "status", status: 403, body: "no" } });
  assert.equal(new TextDecoder().decode((await failure(read(b, blob), "denied")).body), "no");
});

test("the next bytes wait until the sink has taken the last ones", async () => {
  await using b = await bench();
  let busy = 0;
  let most = 0;
  let got = 0;
  await b.client.readBlob(blobRead(b, blob), async (bytes) => {
    busy += 1;
    most = Math.max(most, busy);
    await new Promise(setImmediate);
    got += bytes.length;
    busy -= 1;
  });
  assert.equal(most, 1);
  assert.equal(got, 300_000);
});

test("a sink at work when the stream breaks is waited for before the read is resumed", async () => {
  await using b = await bench();
  b.registry.fault({ when: { kind: "blob" }, times: 1, do: { kind: "cut", afterBytes: 65_536 } });
  const steps: string[] = [];
  let last = 0;
  await b.client.readBlob(blobRead(b, blob), async (bytes, offset) => {
    steps.push(`${String(offset)} in`);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    steps.push(`${String(offset)} out`);
    last = offset + bytes.length;
  });
  assert.equal(last, 300_000);
  for (let at = 0; at < steps.length; at += 2) assert.equal(steps[at]?.split(" ")[0], steps[at + 1]?.split(" ")[0]);
});

test("what the sink throws ends the read and comes out as it is", async () => {
  await using b = await bench();
  const full = new Error("disk full");
  const thrown = b.client.readBlob(blobRead(b, blob), () => {
    throw full;
  });
  await assert.rejects(thrown, full);
  await assert.rejects(
    b.client.readBlob(blobRead(b, blob), () => Promise.reject(full)),
    full,
  );
  assert.equal(b.registry.requests.length, 2);
});

test("an aborted read ends with the signal's reason, before and in the middle", async () => {
  await using b = await bench();
  b.registry.fault({ when: { kind: "blob" }, do: { kind: "hold", afterBytes: 100_000 } });
  const stop = new AbortController();
  const reason = new Error("enough");
  const reading = b.client.readBlob(blobRead(b, blob, { signal: stop.signal }), () => stop.abort(reason));
  await assert.rejects(reading, reason);
  await assert.rejects(
    b.client.readBlob(blobRead(b, blob, { signal: stop.signal }), () => assert.fail("delivered")),
    reason,
  );
  assert.equal(b.registry.requests.length, 1);
});

test("a manifest can be read like a blob, whole or in part", async () => {
  await using b = await bench();
  b.registry.content.pushManifest("team/app", { ...blob, mediaType: "application/vnd.oci.image.manifest.v1+json" });
  assert.deepEqual(await read(b, blob, { kind: "manifest" }), Buffer.from(blob.bytes));
  assert.deepEqual(await read(b, blob, { kind: "manifest", range: { start: 5, end: 50 } }), Buffer.from(blob.bytes.subarray(5, 50)));
  await failure(read(b, { ...blob, size: 7 }, { kind: "manifest" }), "invalid-answer");
  assert.deepEqual(asked(b, "manifest"), ["GET first", "GET first", "GET first"]);
});

test("a registry that sends shorter parts than asked for is asked for the rest", async () => {
  await using b = await bench();
  b.registry.fault({ when: { kind: "blob" }, times: 1, do: { kind: "short-part", bytes: 50 } });
  assert.deepEqual(await read(b, blob, { range: { start: 100, end: 300 } }), Buffer.from(blob.bytes.subarray(100, 300)));
  assert.deepEqual(asked(b, "blob"), ["GET first bytes=100-299", "GET first bytes=150-299"]);
});

test("a registry that makes a request out of every few bytes is given up", async () => {
  await using b = await bench();
  b.registry.fault({ when: { kind: "blob" }, do: { kind: "cut", afterBytes: 10 } });
  await failure(read(b, blob), "unavailable");
  assert.equal(b.registry.requests.length, 100);
});
