import { Blake3Hasher } from "@napi-rs/blake-hash";
import { pieceRange, type PieceHash } from "@darner/domain";

import type { BlobEntry } from "../shelf/blob-entry.ts";

// 1 MiB: 0.3 ms of hashing between two looks at the event loop.
const STEP_BYTES = 1024 * 1024;

/**
 * Hashes pieces that were verified under another boot of the kernel again: after a power cut the disk may not hold what was written. Tells
 * `onRight` of each that is as it was, gives those that are not. Ends early when the blob is dropped or `signal` aborts.
 */
export async function recheck(
  entry: BlobEntry,
  claims: readonly PieceHash[],
  onRight: (piece: PieceHash) => void,
  signal: AbortSignal,
): Promise<number[]> {
  const wrong: number[] = [];
  const buffer = Buffer.allocUnsafe(STEP_BYTES);
  for (const claim of claims) {
    if (signal.aborted || entry.dropped) break;
    if (entry.have.has(claim.piece)) continue;
    if (await isRight(entry, claim, buffer)) onRight(claim);
    else wrong.push(claim.piece);
  }
  return wrong;
}

async function isRight(entry: BlobEntry, { piece, hash }: PieceHash, buffer: Uint8Array): Promise<boolean> {
  const { start, end } = pieceRange(entry.task.size, piece);
  const hasher = new Blake3Hasher();
  try {
    for (let offset = start; offset < end; offset += buffer.length) {
      const part = buffer.subarray(0, Math.min(buffer.length, end - offset));
      await entry.backing.read(offset, part);
      hasher.update(part);
    }
  } catch {
    // A piece that cannot be read is one that we do not have.
    return false;
  }
  return hasher.digestBuffer().equals(hash);
}
