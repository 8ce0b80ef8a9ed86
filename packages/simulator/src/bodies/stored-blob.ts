import { PieceSet } from "@darner/domain";
import type { SimulatedBlob } from "./blob.ts";
import type { PieceTransfer } from "./piece-transfer.ts";

/** What a host's store has of one blob, and who waits for more of it. */
export type StoredBlob = {
  readonly blob: SimulatedBlob;
  have: PieceSet;
  /** Pieces held whose bytes are not the blob's. */
  readonly wrong: Set<number>;
  isProven: boolean;
  /** Transfers to others that stand, and which of them wait for a piece. */
  readonly serving: Set<PieceTransfer>;
  readonly waiting: (PieceTransfer[] | undefined)[];
};

/** A store entry with nothing in it. */
export function emptyEntry(blob: SimulatedBlob): StoredBlob {
  return {
    blob,
    have: new PieceSet(blob.pieces),
    wrong: new Set(),
    isProven: false,
    serving: new Set(),
    waiting: Array.from({ length: blob.pieces }, () => undefined),
  };
}
