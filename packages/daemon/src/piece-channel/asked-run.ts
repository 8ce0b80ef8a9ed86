import { PieceSet, pieceRange, type PieceRun } from "@darner/domain";
import type { Want } from "@darner/protocol";
import type { ChannelFailure, PieceRequest } from "./piece-channel.ts";

/** One request on its connection, from being asked to being answered by `end` or `refuse`. */
export class AskedRun {
  readonly id: number;
  readonly request: PieceRequest;
  /** How the request ended; undefined: everything was sent, or it was aborted. */
  readonly outcome: Promise<ChannelFailure | undefined>;
  readonly #run: PieceRun;
  /** Places of the run that were not sent yet. */
  readonly #owed: PieceSet;
  readonly #settle: (failure: ChannelFailure | undefined) => void;
  #cancelled = false;

  constructor(id: number, request: PieceRequest, run: PieceRun) {
    this.id = id;
    this.request = request;
    this.#run = run;
    this.#owed = new PieceSet(run.count);
    for (let place = 0; place < run.count; place++) {
      if (request.skip?.has(run.first + place * run.stride) !== true) this.#owed.add(place);
    }
    const { promise, resolve } = Promise.withResolvers<ChannelFailure | undefined>();
    this.outcome = promise;
    this.#settle = resolve;
  }

  /** Nothing is owed any more. */
  get isDone(): boolean {
    return this.#owed.count === 0;
  }

  get isCancelled(): boolean {
    return this.#cancelled;
  }

  /** The request as it goes on the wire. */
  want(): Want {
    const unwanted = new PieceSet(this.#run.count);
    for (let place = 0; place < this.#run.count; place++) if (!this.#owed.has(place)) unwanted.add(place);
    const { digest, size } = this.request.task;
    return { request: this.id, digest, size, run: this.#run, skip: unwanted.count === 0 ? new Uint8Array() : unwanted.toBytes() };
  }

  /** A piece is about to be sent; whether it is one that is owed, at its right length. */
  takes(piece: number, length: number): boolean {
    const place = (piece - this.#run.first) / this.#run.stride;
    if (!Number.isInteger(place) || !this.#owed.has(place)) return false;
    const { start, end } = pieceRange(this.request.task.size, piece);
    return length === end - start && this.#owed.delete(place);
  }

  /** The child wants no more of it; the parent's answer is still to come. */
  cancel(): void {
    this.#cancelled = true;
  }

  /** Says how it ended; the first word counts. */
  settle(failure: ChannelFailure | undefined): void {
    this.#settle(failure);
  }
}
