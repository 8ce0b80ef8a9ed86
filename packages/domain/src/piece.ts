import type { ByteRange } from "./byte-range.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

// 256 KiB: the first byte reaches a reader after the first verified piece, so it must be small.
const MIN_PIECE_BYTES = 256 * KIB;
// 64 MiB: a blob of many GB must not need a table of many MB.
const MAX_PIECE_BYTES = 64 * MIB;
// 256 pieces: the swarm ends within log2(N)/256 of the physical limit, and a table is 8 KiB.
const TARGET_PIECES = 256;

/** Length in bytes of every piece but the last of a blob of `size` bytes; every node computes the same (design.md, 4). */
export function pieceLength(size: number): number {
  let length = MIN_PIECE_BYTES;
  while (length < MAX_PIECE_BYTES && length * TARGET_PIECES < size) length *= 2;
  return length;
}

/** How many pieces a blob of `size` bytes has; 0 for the empty blob. */
export function pieceCount(size: number): number {
  return Math.ceil(size / pieceLength(size));
}

/** The bytes of piece `piece`, end exclusive. */
export function pieceRange(size: number, piece: number): ByteRange {
  const length = pieceLength(size);
  return { start: piece * length, end: Math.min(size, (piece + 1) * length) };
}

/** The piece that holds byte `offset`. */
export function pieceAt(size: number, offset: number): number {
  return Math.floor(offset / pieceLength(size));
}

/** A run of pieces: `first`, `first + stride`, … , `count` of them. */
export type PieceRun = { readonly first: number; readonly stride: number; readonly count: number };

/** The pieces of a run, in order. */
export function piecesOf(run: PieceRun): number[] {
  const pieces: number[] = [];
  for (let index = 0; index < run.count; index++) pieces.push(run.first + index * run.stride);
  return pieces;
}

/** Writes a set of pieces as few runs of stride 1, in ascending order; `pieces` must be ascending. */
export function runsOf(pieces: Iterable<number>): PieceRun[] {
  const runs: { first: number; stride: number; count: number }[] = [];
  let last: { first: number; stride: number; count: number } | undefined;
  for (const piece of pieces) {
    if (last !== undefined && last.first + last.count === piece) last.count += 1;
    else runs.push((last = { first: piece, stride: 1, count: 1 }));
  }
  return runs;
}
