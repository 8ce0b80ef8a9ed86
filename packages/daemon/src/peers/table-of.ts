import { pieceCount, pieceRange, type PieceHash } from "@darner/domain";
import type { StoredBlob } from "../store/store.ts";
import type { ReadBuffers } from "./read-buffers.ts";
import { Blake3 } from "../store/blake3.ts";

/**
 * The piece table of a blob this host holds. A complete blob that came in without pieces (a spool, a manifest) has none written down: its
 * pieces are hashed from the disk, so that other hosts can check what they take from here. Rejects with `StoreError`.
 */
export async function tableOf(blob: StoredBlob, buffers: ReadBuffers): Promise<PieceHash[]> {
  const known = blob.hashes();
  if (known.length > 0 || !blob.complete) return known;
  const table: PieceHash[] = [];
  const buffer = buffers.take();
  try {
    for (let piece = 0; piece < pieceCount(blob.task.size); piece++) table.push({ piece, hash: await hashOf(blob, piece, buffer.bytes) });
  } finally {
    buffer.release();
  }
  return table;
}

async function hashOf(blob: StoredBlob, piece: number, buffer: Uint8Array): Promise<Uint8Array> {
  const { start, end } = pieceRange(blob.task.size, piece);
  const hasher = new Blake3();
  for (let at = start; at < end; at += buffer.length) {
    const bytes = buffer.subarray(0, Math.min(buffer.length, end - at));
    await blob.read(at, bytes);
    hasher.update(bytes);
  }
  return hasher.digestBuffer();
}
