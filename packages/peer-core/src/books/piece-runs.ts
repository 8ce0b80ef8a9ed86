import type { PieceRun } from "@darner/domain";

/** Whether a run from outside names only pieces of a blob of `count` pieces. */
export function isRunWithin({ first, stride, count }: PieceRun, pieces: number): boolean {
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(stride) || !Number.isSafeInteger(count)) return false;
  return first >= 0 && stride > 0 && count > 0 && count <= pieces && first + (count - 1) * stride < pieces;
}

/** Whether a run names a piece. */
export function covers({ first, stride, count }: PieceRun, piece: number): boolean {
  const index = (piece - first) / stride;
  return Number.isInteger(index) && index >= 0 && index < count;
}

/** The pieces of a run that `wanted` says yes to, written as few runs of the same stride, in order. */
export function runsWithin({ first, stride, count }: PieceRun, wanted: (piece: number) => boolean): PieceRun[] {
  const runs: { first: number; stride: number; count: number }[] = [];
  let open: { first: number; stride: number; count: number } | undefined;
  for (let index = 0; index < count; index++) {
    const piece = first + index * stride;
    if (!wanted(piece)) open = undefined;
    else if (open === undefined) runs.push((open = { first: piece, stride, count: 1 }));
    else open.count += 1;
  }
  return runs;
}
