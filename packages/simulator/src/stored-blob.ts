import { PieceSet } from "@darner/domain";
import type { SimulatedBlob } from "./blob.ts";

/** What a host's store has of one blob. */
export type StoredBlob = { have: PieceSet; readonly lines: Map<number, Uint8Array>; isProven: boolean };

/** A store entry with nothing in it. */
export function emptyEntry(blob: SimulatedBlob): StoredBlob {
  return { have: new PieceSet(blob.pieces), lines: new Map(), isProven: false };
}
