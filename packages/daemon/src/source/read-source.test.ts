import assert from "node:assert/strict";
import { test } from "node:test";
import { pieceCount, pieceRange, piecesOf, type PieceRun } from "@darner/domain";
import { RegistryError, type BlobRead, type ByteSink, type RegistryClient, type RegistryFailure } from "@darner/registry-client";
import { silentLog } from "@darner/runtime";
import fc from "fast-check";
import { contentOf, type FakeContent } from "../../test/fake-blobs.ts";
import type { PieceSink } from "../piece-channel/piece-channel.ts";
import { openMemoryStore } from "../store/memory-store.ts";
import type { PieceWriter, StoredBlob } from "../store/store.ts";
import { StoreError } from "../store/store-error.ts";
import { readSource, type SourceReadEnd } from "./read-source.ts";

const source = { repository: { registry: "r.example", name: "a/b" }, kind: "blob", authority: { kind: "anonymous" } } as const;

/** A registry that reads as a test says. */
function clientOf(readBlob: (read: BlobRead, sink: ByteSink) => Promise<void>): RegistryClient {
  const never = (): Promise<never> => Promise.reject(new Error("not asked for here"));
  return { head: never, manifest: never, openBlob: never, relay: never, close: () => Promise.resolve(), readBlob };
}

/** Takes pieces into a blob, but for those it refuses. */
class Taking implements PieceSink {
  readonly #blob: StoredBlob;
  readonly #refused: ReadonlySet<number>;
  readonly landed: Promise<{ readonly piece: number }>[] = [];

  constructor(blob: StoredBlob, refused: ReadonlySet<number> = new Set()) {
    this.#blob = blob;
    this.#refused = refused;
  }

  begin(piece: number): PieceWriter | undefined {
    return this.#refused.has(piece) ? undefined : this.#blob.writePiece(piece);
  }

  end(piece: number, writer: PieceWriter): void {
    this.landed.push(writer.finish().then(() => ({ piece })));
  }
}

async function read(content: FakeContent, run: PieceRun, sink: PieceSink, client: RegistryClient): Promise<SourceReadEnd> {
  const signal = new AbortController().signal;
  return readSource(client, { task: content.task, run, source, sink, signal, onBytes: () => undefined, take: undefined });
}

async function withBlob<Result>(content: FakeContent, use: (blob: StoredBlob) => Promise<Result>): Promise<Result> {
  await using store = openMemoryStore({ maxBytes: 64 * 1024 * 1024, minFreeBytes: 0 }, { log: silentLog });
  using blob = await store.openOrCreate(content.task, {});
  return await use(blob);
}

test("each piece gets exactly its bytes, whatever chunks come, wherever a read begins again, whatever the sink refuses", async () => {
  const step = fc.record({ bytes: fc.integer({ min: 1, max: 400_000 }), back: fc.constantFrom(0, 0, 0, 1, 70_000, 300_000) });
  const plan = fc.record({
    size: fc.integer({ min: 1, max: 1_300_000 }),
    first: fc.nat(),
    count: fc.nat(),
    steps: fc.array(step, { minLength: 1, maxLength: 6 }),
    refused: fc.array(fc.nat({ max: 5 }), { maxLength: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ size, first, count, steps, refused }) => {
      const content = contentOf("chunks", size);
      const pieces = pieceCount(size);
      const run = { first: first % pieces, stride: 1, count: 1 + (count % (pieces - (first % pieces))) };
      await withBlob(content, async (blob) => {
        const sink = new Taking(blob, new Set(refused));
        let asked: BlobRead["range"] | undefined;
        const client = clientOf(async ({ range }, into) => {
          asked = range;
          let at = range.start;
          // Jumps back, into the middle of pieces too, as no registry client does; what begins anew from the start brings all.
          for (const { bytes, back } of steps) {
            at = Math.max(range.start, at - back);
            const end = Math.min(range.end, at + bytes);
            await into(content.bytes.subarray(at, end), at);
            at = end;
          }
          const step = Math.max(...steps.map(({ bytes }) => bytes), 3000);
          for (at = range.start; at < range.end; at += step) await into(content.bytes.subarray(at, Math.min(range.end, at + step)), at);
        });
        assert.deepEqual(await read(content, run, sink, client), {});
        assert.deepEqual(asked, { start: pieceRange(size, run.first).start, end: pieceRange(size, run.first + run.count - 1).end });
        const landed = new Set((await Promise.all(sink.landed)).map(({ piece }) => piece));
        assert.deepEqual(
          [...landed].sort((a, b) => a - b),
          piecesOf(run).filter((piece) => !refused.includes(piece)),
        );
        for (const piece of landed) {
          const { start, end } = pieceRange(size, piece);
          const into = new Uint8Array(end - start);
          await blob.read(start, into);
          assert.ok(Buffer.from(into).equals(content.bytes.subarray(start, end)), `piece ${String(piece)}`);
        }
      });
    }),
    { numRuns: 40 },
  );
});

test("every way a registry fails has its word for the core", async () => {
  const said = { body: new Uint8Array(), contentType: "" };
  const failures: [RegistryFailure, object][] = [
    [{ code: "unauthorized", status: 401, challenges: [], ...said }, { code: "source-refused" }],
    [{ code: "denied", status: 403, ...said }, { code: "source-refused" }],
    [{ code: "not-found", status: 404, ...said }, { code: "source-refused" }],
    [{ code: "refused", status: 418, ...said }, { code: "source-refused" }],
    [{ code: "host-refused", host: "x", reason: "y" }, { code: "source-refused" }],
    [
      { code: "rate-limited", status: 429, retryAfterMs: 7 },
      { code: "source-limited", retryAfterMs: 7 },
    ],
    [{ code: "range-ignored" }, { code: "source-without-range" }],
    [
      { code: "unavailable", retryAfterMs: 9 },
      { code: "source-unavailable", retryAfterMs: 9 },
    ],
    [{ code: "unavailable" }, { code: "source-unavailable", retryAfterMs: 1000 }],
    [
      { code: "invalid-answer", what: "x" },
      { code: "source-unavailable", retryAfterMs: 1000 },
    ],
  ];
  const content = contentOf("failing", 1000);
  for (const [detail, failure] of failures) {
    const error = new RegistryError(detail, "no");
    const end = await withBlob(content, (blob) =>
      read(
        content,
        { first: 0, stride: 1, count: 1 },
        new Taking(blob),
        clientOf(() => Promise.reject(error)),
      ),
    );
    assert.deepEqual(end, { failure, error }, detail.code);
  }
});

test("a disk that refuses is told apart from a piece that another transfer took over", async () => {
  const content = contentOf("pieces", 600_000);
  const run = { first: 0, stride: 1, count: pieceCount(content.task.size) };
  const client = clientOf(async (_read, sink) => {
    await sink(content.bytes, 0);
  });
  // A writer without room that fails when it is waited for.
  const stuck = (failure: Error): PieceWriter => ({
    piece: 0,
    space: () => undefined,
    commit: () => undefined,
    drained: () => Promise.reject(failure),
    finish: () => Promise.reject(failure),
    abort: () => undefined,
  });
  await withBlob(content, async (blob) => {
    const taking = new Taking(blob);
    const with0 = (failure: Error): PieceSink => ({
      begin: (piece) => (piece === 0 ? stuck(failure) : taking.begin(piece)),
      end: (piece, writer) => {
        taking.end(piece, writer);
      },
    });
    assert.deepEqual(await read(content, run, with0(new DOMException("taken over", "AbortError")), client), {});
    assert.deepEqual(
      (await Promise.all(taking.landed)).map(({ piece }) => piece),
      [1, 2],
    );
    const full = new StoreError({ code: "no-space" }, "full");
    assert.deepEqual(await read(content, run, with0(full), client), { failure: { code: "disk-refused" }, error: full });
  });
});

test("an aborted read is no failure, and gives its half piece up", async () => {
  const content = contentOf("aborted", 100_000);
  const control = new AbortController();
  let aborted = 0;
  await withBlob(content, async (blob) => {
    const sink: PieceSink = {
      begin: (piece) => {
        const writer = blob.writePiece(piece);
        const abort = (): void => {
          aborted += 1;
          writer.abort();
        };
        return { ...delegate(writer), abort };
      },
      end: () => assert.fail("it never came to its end"),
    };
    const client = clientOf(async ({ signal }, into) => {
      await into(content.bytes.subarray(0, 5000), 0);
      control.abort();
      signal.throwIfAborted();
    });
    const end = await readSource(client, {
      task: content.task,
      run: { first: 0, stride: 1, count: 1 },
      source,
      sink,
      signal: control.signal,
      onBytes: () => undefined,
      take: undefined,
    });
    assert.deepEqual([end, aborted], [{}, 1]);
  });
});

test("a piece whose writer has no room at its very beginning is waited for, not begun again and again", async () => {
  const content = contentOf("no room", 600_000);
  const run = { first: 0, stride: 1, count: pieceCount(content.task.size) };
  const begun: number[] = [];
  await withBlob(content, async (blob) => {
    const taking = new Taking(blob);
    const sink: PieceSink = {
      begin: (piece) => {
        begun.push(piece);
        const writer = taking.begin(piece);
        let isFull = true;
        return writer === undefined
          ? undefined
          : {
              ...delegate(writer),
              space: () => (isFull ? undefined : writer.space()),
              drained: () => Promise.resolve().then(() => void (isFull = false)),
            };
      },
      end: (piece, writer) => {
        taking.end(piece, writer);
      },
    };
    const client = clientOf(async (_read, into) => {
      await into(content.bytes, 0);
    });
    assert.deepEqual(await read(content, run, sink, client), {});
    await Promise.all(taking.landed);
    assert.deepEqual([begun, taking.landed.length], [[0, 1, 2], 3]);
  });
});

function delegate(writer: PieceWriter): PieceWriter {
  return {
    piece: writer.piece,
    space: () => writer.space(),
    commit: (bytes) => {
      writer.commit(bytes);
    },
    drained: () => writer.drained(),
    finish: () => writer.finish(),
    abort: () => {
      writer.abort();
    },
  };
}
