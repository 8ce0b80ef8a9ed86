import { pieceCount, pieceRange } from "@darner/domain";
import type { Prover } from "../prover.ts";
import type { StoredBlob } from "../store.ts";
import { Blake3 } from "../blake3.ts";

/** How a check goes on: bytes are asked for before they are read, and pieces told when they are found right. */
export type RotCheck = {
  readonly prover: Prover;
  /** Resolves when this many bytes may be read. */
  readonly take: (bytes: number) => Promise<void>;
  /** A piece is as it was when the blob was proven. */
  readonly onRight?: (piece: number) => void;
  readonly signal: AbortSignal;
};

// 256 KiB: 0.1 ms of hashing between two looks at the event loop.
const STEP_BYTES = 256 * 1024;

/**
 * Compares a complete blob's bytes with what they were when it was proven: by BLAKE3 of its pieces, or by its digest where it came in without
 * pieces. Resolves with whether they differ; false where the check was given up. Rejects with `StoreError` where they cannot be read.
 */
export async function findRot(blob: StoredBlob, check: RotCheck): Promise<boolean> {
  const table = blob.hashes();
  if (table.length < pieceCount(blob.task.size)) return findRotByDigest(blob, check);
  const buffer = Buffer.allocUnsafe(STEP_BYTES);
  for (const { piece, hash } of table) {
    const hasher = new Blake3();
    const { start, end } = pieceRange(blob.task.size, piece);
    for (let at = start; at < end; at += buffer.length) {
      const part = buffer.subarray(0, Math.min(buffer.length, end - at));
      await check.take(part.length);
      if (check.signal.aborted) return false;
      await blob.read(at, part);
      hasher.update(part);
    }
    if (!hasher.digestBuffer().equals(hash)) return true;
    check.onRight?.(piece);
  }
  return false;
}

async function findRotByDigest({ path, task }: StoredBlob, { prover, take, onRight, signal }: RotCheck): Promise<boolean> {
  await take(task.size);
  if (signal.aborted) return false;
  const proof = prover.prove(path, task.digest, task.size);
  proof.extend(task.size);
  const { promise: stopped, resolve } = Promise.withResolvers<true>();
  const stop = (): void => {
    resolve(true);
  };
  signal.addEventListener("abort", stop, { once: true });
  const isRight = await Promise.race([proof.result, stopped]);
  signal.removeEventListener("abort", stop);
  proof.cancel();
  if (isRight) for (let piece = 0; piece < pieceCount(task.size); piece++) onRight?.(piece);
  return !isRight;
}
