import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, type Task } from "@darner/domain";
import { WireError, type HostMessage, type WireObject } from "@darner/protocol";
import { HeardMessages } from "./heard-messages.ts";

const task: Task = { digest: digestOf(`sha256:${"a".repeat(64)}`), size: 64 * 1024 * 1024 };

/** As the protobuf runtime hands it out. */
function verified(first: number, count = 1): WireObject {
  return {
    reports: [
      { task, report: "verified", verified: { pieces: [{ first, stride: 1, count }], hashes: { pieces: [], hashes: new Uint8Array(0) } } },
    ],
  };
}

function pieces(message: HostMessage | undefined): number[] {
  return (message?.reports ?? []).flatMap(({ report }) => (report.type === "verified" ? report.pieces.map(({ first }) => first) : []));
}

test("reports that wait are one message, in their order; what says more is handled by itself", () => {
  const heard = new HeardMessages();
  for (const value of [verified(0), verified(1), { dropped: [task] }, verified(2), verified(3)]) heard.push(value);
  const first = heard.next();
  assert.deepEqual(pieces(first?.message), [0, 1]);
  assert.ok((first?.cost ?? 0) >= 4, "each is paid for");
  assert.equal(heard.next()?.message.dropped.length, 1);
  assert.deepEqual(pieces(heard.next()?.message), [2, 3]);
  assert.ok(heard.isEmpty);
  assert.equal(heard.next(), undefined);
});

test("a hello is handled alone, and so is what costs much", () => {
  const heard = new HeardMessages();
  const hello = { host: `12D3KooW${"a".repeat(44)}`, address: "10.0.0.1:1", zone: "", seed: false, version: "0", name: "a" };
  for (const value of [{ hello }, verified(0, 256), verified(0, 256), verified(0, 256)]) heard.push(value);
  assert.equal(heard.next()?.message.reports.length, 0);
  for (let message = 0; message < 3; message += 1) assert.equal(heard.next()?.message.reports.length, 1);
  assert.ok(heard.isEmpty);
});

test("no more is to be read while sixteen messages wait; what breaks the protocol says so when its turn comes", () => {
  const heard = new HeardMessages();
  for (let said = 0; said < 16; said += 1) {
    assert.ok(!heard.isFull());
    heard.push(said === 8 ? { reports: [{ task }] } : { dropped: [task] });
  }
  assert.ok(heard.isFull());
  for (let said = 0; said < 8; said += 1) assert.equal(heard.next()?.message.dropped.length, 1);
  assert.throws(() => heard.next(), WireError);
  heard.clear();
  assert.ok(heard.isEmpty && !heard.isFull());
});
