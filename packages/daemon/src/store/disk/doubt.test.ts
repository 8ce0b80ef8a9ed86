import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";

import { capturedLog, noLeaks } from "@darner/testkit";
import fc from "fast-check";

import { inlineProver } from "../inline-prover.ts";
import { bytesOfPiece, claimsHold, readBytes, store, testBlob, writePiece } from "../writing.conformance.ts";
import { blobFile, halfOf, once, place } from "./place.conformance.ts";

noLeaks();

const KIB = 1024;

describe("under another boot of the kernel", () => {
  test("pieces are claimed again only where their bytes are as they were", async (t) => {
    const here = await place(t);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat({ max: 4 })), fc.uniqueArray(fc.nat({ max: 4 })), fc.nat(), async (pieces, spoilt, seed) => {
        const content = testBlob(seed, 1100 * KIB);
        const path = await once(here, (blobs) => halfOf(blobs, content, pieces));
        const bytes = await readFile(path);
        for (const piece of spoilt) bytes[piece * 256 * KIB + 17] = (bytes[piece * 256 * KIB + 17] ?? 0) ^ 1;
        await writeFile(path, bytes);
        const expected = pieces.filter((piece) => !spoilt.includes(piece)).sort();
        for (const bootId of ["another boot", "another boot", "a third boot"]) {
          await once(
            here,
            async (blobs) => {
              using blob = await blobs.openOrCreate(content.task, {});
              assert.deepEqual([...blob.have], expected, bootId);
              assert.equal(await claimsHold(blob), true);
            },
            { bootId },
          );
        }
        await once(here, async (blobs) => {
          using blob = blobs.open(content.task);
          await blob?.quarantine("the next run begins anew");
        });
      }),
      { numRuns: 12 },
    );
  });

  test("a piece that is written again meanwhile is not claimed from its past", async (t) => {
    const here = await place(t);
    const content = testBlob("meanwhile", 600 * KIB);
    await once(here, (blobs) => halfOf(blobs, content, [0, 1, 2]));
    const { bootId } = await once(
      here,
      async (blobs) => {
        using blob = blobs.open(content.task);
        assert.ok(blob);
        const writer = blob.writePiece(0);
        const space = writer.space();
        assert.ok(space);
        writer.commit(space.fill(0).length);
        await writer.finish();
        using settled = await blobs.openOrCreate(content.task, {});
        assert.deepEqual([...settled.have], [1, 2]);
        return { bootId: "another boot" };
      },
      { bootId: "another boot" },
    );
    await once(
      here,
      async (blobs) => {
        using blob = blobs.open(content.task);
        assert.ok(blob);
        assert.deepEqual([...blob.have], [1, 2]);
        blob.markVerified([{ piece: 0, hash: await writePiece(blob, 0, bytesOfPiece(content, 0)) }]);
        assert.equal(await claimsHold(blob), true);
      },
      { bootId },
    );
  });

  test("complete blobs are complete: their bytes were made durable", async (t) => {
    const here = await place(t);
    const content = testBlob("durable", 600 * KIB);
    await once(here, (blobs) => store(blobs, content));
    await once(
      here,
      (blobs) => {
        assert.ok(blobs.findComplete(content.task.digest));
        return Promise.resolve();
      },
      { bootId: "another boot" },
    );
  });
});

describe("with damaged records", () => {
  for (const [damage, hurt] of Object.entries({
    "a broken CURRENT": (level: string) => writeFile(join(level, "CURRENT"), "x"),
    "a CURRENT that points nowhere": (level: string) => writeFile(join(level, "CURRENT"), "MANIFEST-999999\n"),
    "no database at all": (level: string) => rm(level, { recursive: true }),
    "a file in its place": async (level: string) => {
      await rm(level, { recursive: true });
      await writeFile(level, "x");
    },
  })) {
    test(`complete blobs come back when their digest is proven: ${damage}`, async (t) => {
      const here = await place(t);
      const contents = [0, 1, 2, 3].map((seed) => testBlob(seed, seed * 130 * KIB));
      const [half, liar] = [testBlob("half", 600 * KIB), testBlob("liar", 5 * KIB)];
      await once(here, async (blobs) => {
        for (const content of [...contents, liar]) await store(blobs, content);
        await halfOf(blobs, half, [0]);
      });
      await writeFile(blobFile(here.dir, liar.task), new Uint8Array(liar.task.size));
      await writeFile(join(here.dir, "blobs", "sha256", "notes.txt"), "somebody's own");
      await hurt(join(here.dir, "level"));
      const log = capturedLog();
      await using prover = inlineProver();
      await once(
        here,
        async (blobs) => {
          const wanted = contents.map(({ task }) => task.digest).sort();
          const complete = (): string[] =>
            blobs
              .list()
              .map(({ task }) => task.digest)
              .sort();
          while (complete().length < wanted.length) await new Promise(setImmediate);
          assert.deepEqual(complete(), wanted);
          assert.equal(blobs.open(half.task), undefined);
          await store(blobs, liar);
          using blob = blobs.open(liar.task);
          assert.deepEqual(blob && (await readBytes(blob)), liar.bytes);
        },
        { log, prover },
      );
      assert.ok((await readdir(join(here.dir, "blobs", "sha256"))).includes("notes.txt"));
      assert.deepEqual(await readdir(join(here.dir, "incoming")), []);
      await once(here, (blobs) => {
        assert.equal(blobs.list().length, contents.length + 1);
        return Promise.resolve();
      });
    });
  }

  test("a file whose proof fails is removed, and its blob may come in anew meanwhile", async (t) => {
    const here = await place(t);
    const content = testBlob("anew", 400 * KIB);
    await once(here, (blobs) => store(blobs, content));
    await writeFile(blobFile(here.dir, content.task), new Uint8Array(content.task.size));
    await rm(join(here.dir, "level"), { recursive: true });
    await once(here, async (blobs) => {
      await store(blobs, content);
      using blob = blobs.open(content.task);
      assert.deepEqual(blob && (await readBytes(blob)), content.bytes);
    });
    await once(here, async (blobs) => {
      using blob = blobs.open(content.task);
      assert.deepEqual(blob && (await readBytes(blob)), content.bytes);
    });
  });
});
