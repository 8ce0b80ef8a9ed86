/** Who waits for a piece, and whether it still does. */
export interface Addressee {
  /** Whether it does not want any more: what was not begun is not sent, the rest is sent in vain. */
  readonly isOver: boolean;
  /** A piece is here; `isWrong` where its bytes are not the blob's. */
  landed(piece: number, isWrong: boolean): void;
}

/** One piece on its way. */
export type Parcel = {
  readonly to: Addressee;
  readonly piece: number;
  readonly bytes: number;
  readonly isWrong: boolean;
};
