import assert from "node:assert/strict";
import { test } from "node:test";
import { pieceCount, pieceRange } from "@darner/domain";
import { silentLog } from "@darner/runtime";
import { noLeaks, randomBlob } from "@darner/testkit";
import { openMemoryStore } from "../store/memory-store.ts";
import type { BlobStore } from "../store/store.ts";
import { ReadBuffers } from "./read-buffers.ts";
import { tableOf } from "./table-of.ts";
import { blake3 } from "../store/blake3.ts";

noLeaks();

const MIB = 1024 * 1024;
const openStore = (): BlobStore => openMemoryStore({ maxBytes: 512 * MIB, minFreeBytes: 0 }, { log: silentLog });

test("a blob that came in through a spool has a piece table that its bytes give", async () => {
  await using store = openStore();
  // Pieces of 512 KiB, longer than a read buffer, and a last one that is shorter.
  const blob = randomBlob("table", 65 * MIB + 17);
  const spool = await store.spool();
  for (let at = 0; at < blob.size; at += MIB) await spool.append(blob.bytes.subarray(at, at + MIB));
  await spool.adopt(blob.digest, {});
  const stored = store.open({ digest: blob.digest, size: blob.size });
  assert.ok(stored !== undefined);
  assert.deepEqual(stored.hashes(), [], "nothing was written down");
  const table = await tableOf(stored, new ReadBuffers());
  assert.equal(table.length, pieceCount(blob.size));
  for (const { piece, hash } of table) {
    const { start, end } = pieceRange(blob.size, piece);
    assert.deepEqual(Buffer.from(hash), blake3(blob.bytes.subarray(start, end)), `piece ${String(piece)}`);
  }
  stored[Symbol.dispose]();
});

test("a blob on its way in tells what is written down and reads nothing that nobody has verified", async () => {
  await using store = openStore();
  const task = { digest: randomBlob("partial", 1).digest, size: MIB };
  const stored = await store.openOrCreate(task, {});
  const writer = stored.writePiece(1);
  for (let left = 256 * 1024; left > 0;) {
    const space = writer.space();
    if (space === undefined) await writer.drained();
    else {
      writer.commit(Math.min(left, space.length));
      left -= Math.min(left, space.length);
    }
  }
  const hash = await writer.finish();
  stored.markVerified([{ piece: 1, hash }]);
  const table = await tableOf(stored, new ReadBuffers());
  assert.deepEqual(
    table.map((known) => [known.piece, Buffer.from(known.hash)]),
    [[1, Buffer.from(hash)]],
  );
  stored[Symbol.dispose]();
});
