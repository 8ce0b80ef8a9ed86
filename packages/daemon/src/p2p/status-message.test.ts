import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeStatus, readStatus, StatusMessageError } from "./status-message.ts";

async function* cut(bytes: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length] ?? 1;
    yield await Promise.resolve(bytes.subarray(at, at + length));
    at += length;
  }
}

const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });

test("a status comes out as it went in, however it is cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), lengths, async (status, cuts) => {
      const plain = JSON.parse(JSON.stringify(status)) as object;
      assert.deepEqual(await readStatus(cut(encodeStatus(plain), cuts)), plain);
    }),
    { numRuns: 100 },
  );
});

test("garbage and false lengths are told, never thrown otherwise", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), lengths, async (bytes, cuts) => {
      await assert.rejects(readStatus(cut(bytes, cuts)), StatusMessageError);
    }),
    { numRuns: 200 },
  );
  for (const bytes of [
    Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1),
    Buffer.from("\0\0\0\x04null"),
    Buffer.from("\0\0\0\x02[]"),
    Buffer.from("\0\0\0\x09{}"),
  ]) {
    await assert.rejects(readStatus(cut(bytes, [3])), StatusMessageError);
  }
});

test("a status that is too long is not sent", () => {
  assert.throws(() => encodeStatus({ much: "x".repeat(2_000_000) }), StatusMessageError);
});
