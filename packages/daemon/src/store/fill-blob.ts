import { pieceCount, pieceRange, type ByteRange } from "@darner/domain";

import type { PieceWriter, StoredBlob } from "./store.ts";
import { StoreError } from "./store-error.ts";
import { Blake3 } from "./blake3.ts";

/** Bytes that lie somewhere whole. */
export interface ByteSource {
  read(offset: number, into: Uint8Array): Promise<void>;
}

// What is there already is hashed at the source in steps of this size: large enough that the steps do not count.
const STEP_BYTES = 256 * 1024;

/**
 * Writes every piece that `blob` does not have yet from bytes whose digest is proven, and claims them. Says whether the blob is the same as
 * those bytes now: what was there before was checked against a table that nobody had proven.
 */
export async function fillBlob(blob: StoredBlob, source: ByteSource): Promise<boolean> {
  const { size } = blob.task;
  const right: Uint8Array[] = [];
  for (let piece = 0; piece < pieceCount(size); piece++) {
    if (blob.complete) return true;
    const hash = blob.have.has(piece) ? await hashOf(source, pieceRange(size, piece)) : await fillPiece(blob, source, piece);
    if (hash === undefined) return false;
    right.push(hash);
  }
  return blob.complete || blob.hashes().every(({ piece, hash }) => Buffer.compare(hash, right[piece] ?? new Uint8Array()) === 0);
}

/** The hash of the piece as it is at the source; undefined where somebody else wrote other bytes there first. */
async function fillPiece(blob: StoredBlob, source: ByteSource, piece: number): Promise<Uint8Array | undefined> {
  const writer = blob.writePiece(piece);
  try {
    const hash = await copyPiece(writer, source, pieceRange(blob.task.size, piece));
    blob.markVerified([{ piece, hash }]);
    return hash;
  } catch (error) {
    if (error instanceof StoreError && error.detail.code === "piece-superseded") return undefined;
    throw error;
  } finally {
    writer.abort();
  }
}

async function hashOf(source: ByteSource, { start, end }: ByteRange): Promise<Uint8Array> {
  const hasher = new Blake3();
  const buffer = new Uint8Array(Math.min(STEP_BYTES, end - start));
  for (let offset = start; offset < end; offset += buffer.length) {
    const bytes = buffer.subarray(0, Math.min(buffer.length, end - offset));
    await source.read(offset, bytes);
    hasher.update(bytes);
  }
  return hasher.digestBuffer();
}

async function copyPiece(writer: PieceWriter, source: ByteSource, { start, end }: ByteRange): Promise<Uint8Array> {
  for (let offset = start; offset < end;) {
    const space = writer.space();
    if (space === undefined) {
      await writer.drained();
      continue;
    }
    await source.read(offset, space);
    writer.commit(space.length);
    offset += space.length;
  }
  return writer.finish();
}
