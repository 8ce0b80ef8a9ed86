import { pieceCount, pieceRange, type ByteRange } from "@darner/domain";

import type { PieceWriter, StoredBlob } from "./store.ts";

/** Bytes that lie somewhere whole. */
export interface ByteSource {
  read(offset: number, into: Uint8Array): Promise<void>;
}

/** Writes every piece that `blob` does not have yet from bytes whose digest is proven, and claims them. */
export async function fillBlob(blob: StoredBlob, source: ByteSource): Promise<void> {
  const { size } = blob.task;
  for (let piece = 0; piece < pieceCount(size) && !blob.complete; piece++) {
    if (blob.have.has(piece)) continue;
    const writer = blob.writePiece(piece);
    try {
      const hash = await copyPiece(writer, source, pieceRange(size, piece));
      blob.markVerified([{ piece, hash }]);
    } finally {
      writer.abort();
    }
  }
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
