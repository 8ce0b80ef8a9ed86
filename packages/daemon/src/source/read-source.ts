import { pieceAt, pieceRange, type ByteRange, type PieceRun, type Task } from "@darner/domain";
import type { TransferFailure } from "@darner/peer-core";
import { RegistryError, type RegistryClient, type RegistryFailure } from "@darner/registry-client";
import type { PieceSink } from "../piece-channel/piece-channel.ts";
import type { PieceWriter } from "../store/store.ts";
import { StoreError } from "../store/store-error.ts";
import type { SourceLocation } from "./source-location.ts";

/** One read of one contiguous run of pieces from the registry. */
export type SourceRead = {
  readonly task: Task;
  readonly run: PieceRun;
  readonly source: SourceLocation;
  readonly sink: PieceSink;
  readonly signal: AbortSignal;
  /** Called with every body byte that came, for the books. */
  readonly onBytes: (bytes: number) => void;
  /** Waits until `bytes` more may come in; undefined where nothing limits. */
  readonly take: ((bytes: number) => Promise<void>) | undefined;
};

/** How a source read ended: `failure` for the core, `error` for the readers and the log that must be told why. */
export type SourceReadEnd = { readonly failure?: TransferFailure; readonly error?: unknown };

/** Reads a run from the source into pieces. Never rejects; an aborted read ends without a failure. */
export async function readSource(client: RegistryClient, read: SourceRead): Promise<SourceReadEnd> {
  const splitter = new PieceSplitter(read.task, read.sink);
  const { repository, kind, authority } = read.source;
  const { digest, size } = read.task;
  try {
    await client.readBlob(
      { repository, kind, digest, size, authority, range: rangeOf(read.task, read.run), signal: read.signal },
      (bytes, offset) => {
        read.onBytes(bytes.length);
        const taken = read.take?.(bytes.length);
        return taken === undefined ? splitter.put(bytes, offset) : taken.then(() => splitter.put(bytes, offset));
      },
    );
    return {};
  } catch (error) {
    splitter.abort();
    if (read.signal.aborted) return {};
    if (error instanceof RegistryError) return { failure: failureOf(error.detail), error };
    // What is not the registry's fault came out of the sink: the disk.
    return { failure: { code: "disk-refused" }, error };
  }
}

function rangeOf({ size }: Task, run: PieceRun): ByteRange {
  return { start: pieceRange(size, run.first).start, end: pieceRange(size, run.first + run.count - 1).end };
}

// A registry that says nothing about when to come back is asked again after this.
const DEFAULT_RETRY_MS = 1000;

function failureOf(failure: RegistryFailure): TransferFailure {
  switch (failure.code) {
    case "unauthorized":
    case "denied":
    case "not-found":
    case "refused":
    case "host-refused":
      return { code: "source-refused" };
    case "rate-limited":
      return { code: "source-limited", retryAfterMs: failure.retryAfterMs };
    case "range-ignored":
      return { code: "source-without-range" };
    case "unavailable":
      return { code: "source-unavailable", retryAfterMs: failure.retryAfterMs ?? DEFAULT_RETRY_MS };
    case "invalid-answer":
      return { code: "source-unavailable", retryAfterMs: DEFAULT_RETRY_MS };
  }
}

/** Cuts a stream of bytes into pieces. Bytes of a piece whose beginning it did not see, or that the sink refuses, are dropped. */
class PieceSplitter {
  readonly #task: Task;
  readonly #sink: PieceSink;
  #piece: number | undefined;
  #writer: PieceWriter | undefined;
  /** Where the next bytes begin if nothing jumps. */
  #expected = 0;

  constructor(task: Task, sink: PieceSink) {
    this.#task = task;
    this.#sink = sink;
  }

  /** Takes bytes that begin at `offset`; a promise where the disk must be waited for. */
  put(bytes: Uint8Array, offset: number): void | Promise<void> {
    // A jump, as of a read that began again: the rest of the piece it left is not what comes now.
    if (offset !== this.#expected) this.abort();
    this.#expected = offset + bytes.length;
    return this.#split(bytes, offset, false);
  }

  /** `isBegun`: the piece at `offset` has its writer, though none of its bytes may have been put yet. */
  #split(bytes: Uint8Array, offset: number, isBegun: boolean): void | Promise<void> {
    let rest = bytes;
    let at = offset;
    while (rest.length > 0) {
      const piece = pieceAt(this.#task.size, at);
      const { start, end } = pieceRange(this.#task.size, piece);
      if (at === start && !(isBegun && at === offset)) this.#begin(piece);
      const here = rest.subarray(0, end - at);
      const put = this.#copy(here);
      if (put < here.length) return this.#splitLater(rest.subarray(put), at + put);
      at += put;
      rest = rest.subarray(put);
      if (at === end) this.#end(piece);
    }
  }

  /** Gives up the piece that is half here. */
  abort(): void {
    this.#writer?.abort();
    this.#writer = undefined;
  }

  async #splitLater(bytes: Uint8Array, offset: number): Promise<void> {
    const writer = this.#writer;
    try {
      await writer?.drained();
    } catch (error) {
      if (error instanceof StoreError) throw error;
      // Another transfer took the piece over while this one waited for the disk: the rest of it is dropped here.
      if (this.#writer === writer) this.#writer = undefined;
    }
    await this.#split(bytes, offset, true);
  }

  #begin(piece: number): void {
    this.abort();
    this.#piece = piece;
    this.#writer = this.#sink.begin(piece);
  }

  #copy(bytes: Uint8Array): number {
    const writer = this.#writer;
    if (writer === undefined) return bytes.length;
    let put = 0;
    while (put < bytes.length) {
      const space = writer.space();
      if (space === undefined) break;
      const part = bytes.subarray(put, put + space.length);
      space.set(part);
      writer.commit(part.length);
      put += part.length;
    }
    return put;
  }

  #end(piece: number): void {
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer !== undefined && this.#piece === piece) this.#sink.end(piece, writer);
  }
}
