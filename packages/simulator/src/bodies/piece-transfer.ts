import type { TransferFailure } from "@darner/peer-core";
import type { Addressee } from "../network/parcel.ts";
import type { Lane } from "../network/station.ts";
import type { SimulatedBlob } from "./blob.ts";

/** What a transfer tells the pull that began it. */
export interface TransferListener {
  pieceLanded(transfer: number, piece: number, isWrong: boolean): void;
  transferEnded(transfer: number, failure: TransferFailure | undefined): void;
}

/** Pieces that one pull asked of a parent or of the source, until all are here, it is cancelled, or it fails. */
export class PieceTransfer implements Addressee {
  readonly number: number;
  readonly blob: SimulatedBlob;
  readonly pieces: readonly number[];
  isOver = false;
  /** What it comes through, once the other side has answered. */
  lane: Lane | undefined;
  /** When the other side last gave a sign of life. */
  lastSignAt = 0;
  readonly #listener: TransferListener;
  #left: number;

  constructor(number: number, blob: SimulatedBlob, pieces: readonly number[], listener: TransferListener) {
    this.number = number;
    this.blob = blob;
    this.pieces = pieces;
    this.#listener = listener;
    this.#left = pieces.length;
  }

  landed(piece: number, isWrong: boolean): void {
    this.#left -= 1;
    this.#listener.pieceLanded(this.number, piece, isWrong);
    if (this.#left === 0) this.end(undefined);
  }

  /** Ends it on the other side's behalf; nothing happens where it is over. */
  end(failure: TransferFailure | undefined): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#listener.transferEnded(this.number, failure);
  }

  /** Ends it on the pull's behalf: nobody is told. */
  cancel(): void {
    this.isOver = true;
  }
}
