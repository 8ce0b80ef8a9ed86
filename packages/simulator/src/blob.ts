import { digestOf, pieceCount, pieceRange, type Task } from "@darner/domain";

/** A blob of the simulation: nobody holds its bytes, but everybody can tell the right hash of a piece from a wrong one. */
export type SimulatedBlob = { readonly task: Task; readonly pieces: number; readonly number: number };

export function simulatedBlob(number: number, bytes: number): SimulatedBlob {
  const digest = digestOf(`sha256:${(number + 1).toString(16).padStart(64, "0")}`);
  return { task: { digest, size: bytes }, pieces: pieceCount(bytes), number };
}

/** The hash of a piece; `wrong` for bytes that are not the blob's. */
export function pieceHash(blob: SimulatedBlob, piece: number, wrong: boolean): Uint8Array {
  const hash = new Uint8Array(32);
  new DataView(hash.buffer).setUint32(0, blob.number);
  new DataView(hash.buffer).setUint32(4, piece);
  if (wrong) hash[31] = 1;
  return hash;
}

export function isRight(hash: Uint8Array): boolean {
  return hash[31] === 0;
}

export function pieceBytes(blob: SimulatedBlob, piece: number): number {
  const { start, end } = pieceRange(blob.task.size, piece);
  return end - start;
}
