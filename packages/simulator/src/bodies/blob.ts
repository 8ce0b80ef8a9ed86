import { digestOf, PIECE_HASH_BYTES, pieceCount, pieceLength, pieceRange, taskId, type Task, type TaskId } from "@darner/domain";

/** A blob of the simulation: nobody holds its bytes, but everybody can tell the right hash of a piece from a wrong one. */
export type SimulatedBlob = {
  readonly task: Task;
  readonly id: TaskId;
  readonly number: number;
  readonly pieces: number;
  /** Length of every piece but the last. */
  readonly pieceBytes: number;
  readonly rightHashes: readonly Uint8Array[];
  readonly wrongHashes: readonly Uint8Array[];
};

export function simulatedBlob(number: number, bytes: number): SimulatedBlob {
  const digest = digestOf(`sha256:${(number + 1).toString(16).padStart(64, "0")}`);
  const task = { digest, size: bytes };
  const pieces = pieceCount(bytes);
  const hashes = (wrong: boolean): Uint8Array[] => Array.from({ length: pieces }, (_, piece) => hashOf(number, piece, wrong));
  const known = { task, id: taskId(task), number, pieces, pieceBytes: pieceLength(bytes) };
  return { ...known, rightHashes: hashes(false), wrongHashes: hashes(true) };
}

/** The hash of a piece; `isWrong` for bytes that are not the blob's. Shared: nobody may write to it. */
export function pieceHash(blob: SimulatedBlob, piece: number, isWrong: boolean): Uint8Array {
  const hash = (isWrong ? blob.wrongHashes : blob.rightHashes)[piece];
  if (hash === undefined) throw new Error(`blob ${String(blob.number)} has no piece ${String(piece)}`);
  return hash;
}

/** Whether a hash is that of the blob's own bytes. */
export function isRight(hash: Uint8Array): boolean {
  return hash[PIECE_HASH_BYTES - 1] === 0;
}

export function pieceBytes(blob: SimulatedBlob, piece: number): number {
  const { start, end } = pieceRange(blob.task.size, piece);
  return end - start;
}

function hashOf(number: number, piece: number, isWrong: boolean): Uint8Array {
  const hash = new Uint8Array(PIECE_HASH_BYTES);
  const view = new DataView(hash.buffer);
  view.setUint32(0, number);
  view.setUint32(4, piece);
  if (isWrong) hash[PIECE_HASH_BYTES - 1] = 1;
  return hash;
}
