import type { HostId } from "@darner/domain";
import type { TransferFailure } from "@darner/peer-core";
import type { Happening } from "../engine/timeline.ts";
import type { Addressee } from "../network/parcel.ts";
import type { Lane } from "../network/station.ts";
import type { SimulatedBlob } from "./blob.ts";

/** What a transfer tells the pull that began it. */
export interface TransferListener {
  /** The request has reached the parent. */
  transferAsked(transfer: PieceTransfer): void;
  pieceLanded(transfer: number, piece: number, isWrong: boolean): void;
  transferEnded(transfer: number, failure: TransferFailure | undefined): void;
}

/**
 * Pieces that one pull asked of a parent or of the source, until all are here, it is cancelled, or it fails. It is itself what is
 * planned when its request reaches the parent.
 */
export class PieceTransfer implements Addressee, Happening {
  readonly number: number;
  readonly blob: SimulatedBlob;
  readonly pieces: readonly number[];
  /** Undefined where it reads the source. */
  readonly parent: HostId | undefined;
  isOver = false;
  /** What it comes through, once the other side has answered. */
  lane: Lane | undefined;
  readonly #listener: TransferListener;
  #left: number;

  constructor(number: number, blob: SimulatedBlob, pieces: readonly number[], listener: TransferListener, parent: HostId | undefined) {
    this.number = number;
    this.blob = blob;
    this.pieces = pieces;
    this.parent = parent;
    this.#listener = listener;
    this.#left = pieces.length;
  }

  happen(): void {
    if (!this.isOver) this.#listener.transferAsked(this);
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
