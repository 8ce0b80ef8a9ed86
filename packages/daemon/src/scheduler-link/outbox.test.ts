import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, pieceCount, PieceSet, type HostStanding, type Task } from "@darner/domain";
import type { Holding, HostMessage } from "@darner/protocol";
import fc from "fast-check";
import { Outbox } from "./outbox.ts";

const taskAt = (at: number): Task => ({ digest: digestOf(`sha256:${at.toString(16).padStart(64, "0")}`), size: 1000 });
const holdingAt = (at: number): Holding => ({ task: taskAt(at), proven: true, have: PieceSet.full(1), registry: "r" });

/** What a scheduler reads, in the order it reads it. */
function readings(outbox: Outbox): string[] {
  const read: string[] = [];
  for (let message: Partial<HostMessage> | undefined = outbox.next(); message !== undefined; message = outbox.next()) {
    read.push(...(message.dropped ?? []).map(({ digest }) => `dropped ${digest}`));
    read.push(...(message.holdings ?? []).map(({ task }) => `held ${task.digest}`));
    read.push(...(message.reports ?? []).map(({ task }) => `reported ${task.digest}`));
  }
  return read;
}

test("whatever is said is read in the order it was said, and nothing is left", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("dropped", "held", "reported"), { maxLength: 60 }), (kinds) => {
      const outbox = new Outbox();
      const said = kinds.map((kind, at) => {
        if (kind === "dropped") outbox.dropped(taskAt(at));
        else if (kind === "held") outbox.announce(holdingAt(at));
        else outbox.report(taskAt(at), { type: "close" });
        return `${kind} ${taskAt(at).digest}`;
      });
      assert.deepEqual(readings(outbox), said);
      assert.equal(outbox.bytes, 0);
    }),
  );
});

test("a word of how the schedulers stand goes with what leaves next, and only the newest", () => {
  const outbox = new Outbox();
  const word = (active: string): HostStanding => ({ schedulers: [], active, isHere: true, isMoving: false });
  outbox.report(taskAt(1), { type: "proven" });
  outbox.standing(word("a"));
  outbox.standing(word("b"));
  const [message, ...more] = [outbox.next(), outbox.next()];
  assert.deepEqual([message?.standing, message?.reports?.length, more], [word("b"), 1, [undefined]]);
});

test("tables and bitmaps of many large blobs are cut into messages that fit", () => {
  const outbox = new Outbox();
  const huge = { ...taskAt(1), size: 16 * 1024 ** 4 };
  const hashes = Array.from({ length: 50_000 }, (_, piece) => ({ piece, hash: new Uint8Array(32) }));
  for (let count = 0; count < 5; count += 1) outbox.report(huge, { type: "table", hashes });
  for (let count = 0; count < 300; count += 1)
    outbox.announce({ task: huge, proven: false, have: new PieceSet(pieceCount(huge.size)), registry: "r" });
  const sizes: number[] = [];
  for (let message = outbox.next(); message !== undefined; message = outbox.next())
    sizes.push((message.reports?.length ?? 0) * 2_000_000 + (message.holdings?.length ?? 0) * 33_000);
  assert.ok(sizes.length > 4 && sizes.every((bytes) => bytes <= 4.2e6), sizes.join());
});
