import { pieceCount, pieceRange, type Task } from "@darner/domain";
import { seededBytes, sha256Of } from "@darner/testkit";

import type { BlobStore, PieceWriter, StoredBlob } from "./store.ts";
import { blake3 } from "./blake3.ts";

/** A blob for tests: what its task is and what its bytes are. */
export type TestBlob = { readonly task: Task; readonly bytes: Uint8Array };

export function testBlob(seed: number | string, size: number): TestBlob {
  const bytes = seededBytes(seed, size);
  return { task: { digest: sha256Of(bytes), size }, bytes };
}

/** The bytes of one piece. */
export function bytesOfPiece({ task, bytes }: TestBlob, piece: number): Uint8Array {
  const { start, end } = pieceRange(task.size, piece);
  return bytes.subarray(start, end);
}

/** Every piece of a blob, in order. */
export function allPieces({ task }: TestBlob): number[] {
  return Array.from({ length: pieceCount(task.size) }, (_, piece) => piece);
}

/** Puts all of `bytes` into a writer, at most `chunk` at a time. */
export async function feed(writer: PieceWriter, bytes: Uint8Array, chunk: number = bytes.length): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const space = writer.space();
    if (space === undefined) {
      await writer.drained();
      continue;
    }
    const part = bytes.subarray(done, done + Math.min(space.length, chunk));
    space.set(part);
    writer.commit(part.length);
    done += part.length;
  }
}

/** Writes one piece, whatever its bytes, and gives its hash. */
export async function writePiece(blob: StoredBlob, piece: number, bytes: Uint8Array): Promise<Uint8Array> {
  const writer = blob.writePiece(piece);
  await feed(writer, bytes);
  return writer.finish();
}

/** Writes and claims these pieces. */
export async function takeIn(blob: StoredBlob, content: TestBlob, pieces: readonly number[] = allPieces(content)): Promise<void> {
  for (const piece of pieces) {
    const hash = await writePiece(blob, piece, bytesOfPiece(content, piece));
    blob.markVerified([{ piece, hash }]);
  }
}

/** Takes in a whole blob and lets go of it. */
export async function store(blobs: BlobStore, content: TestBlob): Promise<void> {
  using blob = await blobs.openOrCreate(content.task, {});
  await takeIn(blob, content);
  await blob.markComplete();
}

/** Reads a range of a blob. */
export async function readBytes(blob: StoredBlob, start = 0, end: number = blob.task.size): Promise<Uint8Array> {
  const into = new Uint8Array(end - start);
  await blob.read(start, into);
  return into;
}

/** Whether every claimed piece is on the disk with the hash that is claimed for it. */
export async function claimsHold(blob: StoredBlob): Promise<boolean> {
  const hashes = new Map(blob.hashes().map(({ piece, hash }) => [piece, hash]));
  for (const piece of blob.have) {
    const { start, end } = pieceRange(blob.task.size, piece);
    const known = hashes.get(piece);
    if (known === undefined || Buffer.compare(blake3(await readBytes(blob, start, end)), known) !== 0) return false;
  }
  return true;
}
