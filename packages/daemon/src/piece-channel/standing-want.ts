import { PieceSet, type Task } from "@darner/domain";
import type { Want } from "@darner/protocol";
import type { StoredBlob } from "../store/store.ts";

/** What a child wants of one blob, while it stands: gives the pieces in the order in which they are there. */
export class StandingWant implements Disposable {
  readonly request: number;
  readonly task: Task;
  readonly blob: StoredBlob;
  /** By place in the run, not by piece. */
  readonly #unsent: PieceSet;
  readonly #run: Want["run"];
  readonly #stopListening: () => void;
  /** Pieces verified since the request came; each at most once. */
  #arrived: number[] = [];
  /** Up to this place of the run the pieces that were there from the beginning have been looked at. */
  #looked = 0;
  #dropped = false;

  /** Takes over the open `blob`. `wake` is called whenever there is something new to do. */
  constructor(want: Want, blob: StoredBlob, wake: () => void) {
    this.request = want.request;
    this.task = blob.task;
    this.blob = blob;
    this.#run = want.run;
    this.#unsent = unskipped(want);
    this.#stopListening = blob.onVerified((piece) => {
      if (piece === undefined) this.#dropped = true;
      else if (this.#unsent.has(this.#placeOf(piece))) this.#arrived.push(piece);
      wake();
    });
  }

  /** Everything wanted was sent. */
  get done(): boolean {
    return this.#unsent.count === 0;
  }

  /** The store has given the blob up: nothing more comes. */
  get dropped(): boolean {
    return this.#dropped;
  }

  /** The next piece to be sent, which then counts as sent; undefined where none is there now. */
  next(): number | undefined {
    for (let piece = this.#arrived.shift(); piece !== undefined; piece = this.#arrived.shift()) {
      if (this.#unsent.delete(this.#placeOf(piece))) return piece;
    }
    while (this.#looked < this.#run.count) {
      const place = this.#looked++;
      const piece = this.#run.first + place * this.#run.stride;
      if (this.blob.have.has(piece) && this.#unsent.delete(place)) return piece;
    }
    return undefined;
  }

  /** The place of a piece in the run; -1, which no set holds, where it is not in it. */
  #placeOf(piece: number): number {
    const place = (piece - this.#run.first) / this.#run.stride;
    return Number.isInteger(place) ? place : -1;
  }

  [Symbol.dispose](): void {
    this.#stopListening();
    this.#arrived = [];
    this.blob[Symbol.dispose]();
  }
}

function unskipped({ run, skip }: Want): PieceSet {
  const places = PieceSet.full(run.count);
  for (const place of PieceSet.fromBytes(run.count, skip)) places.delete(place);
  return places;
}
