import assert from "node:assert/strict";
import { test } from "node:test";
import type { OpenBlob } from "@darner/registry-client";
import { noLeaks, randomBlob } from "@darner/testkit";
import { anonymous, failure, openBench, type Bench } from "../../test/setup.ts";

noLeaks();

const blob = randomBlob("open-blob", 500_000);

async function bench(): Promise<Bench> {
  const made = await openBench();
  made.registry.content.pushBlob("team/app", blob.bytes);
  return made;
}

const open = (b: Bench, signal?: AbortSignal): Promise<OpenBlob> =>
  b.client.openBlob({
    repository: b.repository("team/app"),
    kind: "blob",
    reference: blob.digest,
    authority: anonymous,
    ...(signal && { signal }),
  });

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of bytes) parts.push(Uint8Array.from(chunk));
  return Buffer.concat(parts);
}

test("case 51: a blob of unknown length comes to its end", async () => {
  await using b = await bench();
  b.registry.fault({ do: { kind: "chunked" } });
  const { head, bytes } = await open(b);
  assert.equal(head.size, undefined);
  assert.equal(head.digest, blob.digest);
  assert.deepEqual(await collect(bytes), Buffer.from(blob.bytes));
});

test("where the length is told after all, the head has it", async () => {
  await using b = await bench();
  const { head, bytes } = await open(b);
  assert.equal(head.size, 500_000);
  assert.equal((await collect(bytes)).length, 500_000);
});

test("an empty body is no chunk at all", async () => {
  await using b = await bench();
  const empty = b.registry.content.pushBlob("team/app", new Uint8Array());
  const { bytes } = await b.client.openBlob({
    repository: b.repository("team/app"),
    kind: "blob",
    reference: empty.digest,
    authority: anonymous,
  });
  assert.equal((await collect(bytes)).length, 0);
});

test("a body that breaks rejects after the bytes that came", async () => {
  await using b = await bench();
  b.registry.fault({ do: { kind: "chunked" } });
  b.registry.fault({ do: { kind: "cut", afterBytes: 131_072 } });
  const { bytes } = await open(b);
  let got = 0;
  await failure(
    (async () => {
      for await (const chunk of bytes) got += chunk.length;
    })(),
    "unavailable",
  );
  assert.equal(got, 131_072);
});

test("a reader that leaves ends the request", async () => {
  await using b = await bench();
  b.registry.fault({ do: { kind: "hold", afterBytes: 65_536 } });
  const { bytes } = await open(b);
  for await (const _chunk of bytes) break;
  assert.equal(b.events.length, 1);
});

test("an aborted read ends with the signal's reason, whether or not it has begun", async () => {
  await using b = await bench();
  b.registry.fault({ do: { kind: "hold", afterBytes: 65_536 } });
  for (const begin of [true, false]) {
    const stop = new AbortController();
    const reason = new Error("enough");
    const { bytes } = await open(b, stop.signal);
    const iterator = bytes[Symbol.asyncIterator]();
    if (begin) await iterator.next();
    stop.abort(reason);
    await assert.rejects(
      (async () => {
        while ((await iterator.next()).done !== true);
      })(),
      reason,
    );
  }
});

test("case 82, case 83: a login page and an encoded blob are no answer; other statuses are failures", async () => {
  await using b = await bench();
  b.registry.fault({ times: 1, do: { kind: "html" } });
  await failure(open(b), "invalid-answer");
  b.registry.fault({ times: 1, do: { kind: "gzip" } });
  await failure(open(b), "invalid-answer");
  b.registry.fault({ times: 1, do: { kind: "status", status: 404 } });
  await failure(open(b), "not-found");
});
