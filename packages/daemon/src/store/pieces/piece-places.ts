import { pieceRange, type Task } from "@darner/domain";

import { StoreError } from "../store-error.ts";
import type { PieceLane } from "./piece-writer.ts";

/** The bytes of one blob, wherever they are kept. */
export interface BlobBytes {
  /** Writes `buffers` one after the other at `position`, all of them. */
  write(buffers: readonly Uint8Array[], position: number): Promise<void>;
  /** Fills `into` from `position`. */
  read(position: number, into: Uint8Array): Promise<void>;
}

/** A place for the bytes of a second writer of a piece, gone when closed. */
export interface SideBytes extends BlobBytes {
  close(): void;
}

/** Who writes at one piece's place in the file, and what was written there last. */
type Place = {
  owner: Lane | undefined;
  /** Hash of what a writer wrote there in full; undefined while the bytes there are nobody's whole piece. */
  finished: Uint8Array | undefined;
  /** Ends when the last write at the place has ended: writes there never overlap. */
  tail: Promise<void>;
};

/** What the lanes of one blob share. */
export type PlacesParts = {
  readonly task: Task;
  readonly bytes: BlobBytes;
  readonly isVerified: (piece: number) => boolean;
  readonly openSide: () => Promise<SideBytes>;
};

// 256 KiB a step: what a second writer wrote aside is moved without holding more memory than one buffer.
const MOVE_BYTES = 256 * 1024;

/**
 * Keeps the writers of one piece out of each other's bytes. The first writes at the piece's place in the file; a second one (the endgame
 * asks for a piece twice) writes aside and takes the place when it ends first. What is verified is never written to again, and what was
 * written in full is replaced only by a writer that began later.
 */
export class PiecePlaces {
  readonly #parts: PlacesParts;
  // At most one for each piece of the blob.
  readonly #places = new Map<number, Place>();

  constructor(parts: PlacesParts) {
    this.#parts = parts;
  }

  /** Lets one more writer of a piece in. */
  enter(piece: number): PieceLane {
    const place = this.#places.get(piece) ?? { owner: undefined, finished: undefined, tail: Promise.resolve() };
    this.#places.set(piece, place);
    return new Lane(this.#parts, piece, place);
  }

  /** Whether anybody wrote at the piece's place since the blob was opened. */
  isTouched(piece: number): boolean {
    return this.#places.has(piece);
  }

  /** Whether a whole piece with this hash lies at the piece's place. */
  holds(piece: number, hash: Uint8Array): boolean {
    const finished = this.#places.get(piece)?.finished;
    return finished !== undefined && sameBytes(finished, hash);
  }

  /** The piece is verified now: its place needs no keeper any more. */
  forget(piece: number): void {
    this.#places.delete(piece);
  }
}

/** One writer's way to the disk: at the place, aside, or nowhere once its bytes cannot count any more. */
class Lane implements PieceLane {
  readonly #parts: PlacesParts;
  readonly #piece: number;
  readonly #place: Place;
  /** What was finished at the place when this writer began: it may replace that, and nothing newer. */
  readonly #seen: Uint8Array | undefined;
  readonly #start: number;
  readonly #bytes: number;
  readonly #lane: "place" | "side";
  #side: SideBytes | undefined;

  constructor(parts: PlacesParts, piece: number, place: Place) {
    const { start, end } = pieceRange(parts.task.size, piece);
    this.#parts = parts;
    this.#piece = piece;
    this.#place = place;
    this.#seen = place.finished;
    this.#start = start;
    this.#bytes = end - start;
    if (place.owner === undefined && place.finished === undefined && !this.#isVerified) place.owner = this;
    this.#lane = place.owner === this ? "place" : "side";
  }

  async write(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    if (this.#isVerified) return;
    if (this.#lane === "place") return this.#atPlace(() => this.#parts.bytes.write(buffers, this.#start + offset));
    this.#side ??= await this.#parts.openSide();
    return this.#side.write(buffers, offset);
  }

  async settle(hash: Uint8Array): Promise<void> {
    try {
      if (this.#lane === "side" && this.#mayTakePlace && !this.#isAtPlace(hash)) await this.#takePlace();
      if (this.#place.owner === this) {
        this.#place.finished = hash;
        this.#place.owner = undefined;
      } else if (!this.#isVerified && !this.#isAtPlace(hash)) {
        throw new StoreError(
          { code: "piece-superseded", piece: this.#piece },
          `another writer of piece ${String(this.#piece)} ended first`,
        );
      }
    } catch (error) {
      this.leave();
      throw error;
    } finally {
      this.#closeSide();
    }
  }

  leave(): void {
    if (this.#place.owner === this) this.#place.owner = undefined;
    this.#closeSide();
  }

  get #isVerified(): boolean {
    return this.#parts.isVerified(this.#piece);
  }

  /** Another writer's whole piece is only replaced by a writer that began when it was there already. */
  get #mayTakePlace(): boolean {
    return !this.#isVerified && this.#place.finished === this.#seen;
  }

  #isAtPlace(hash: Uint8Array): boolean {
    return this.#place.finished !== undefined && sameBytes(this.#place.finished, hash);
  }

  /** Writes at the place after whoever wrote there before; does nothing where the place has gone to another writer. */
  #atPlace(write: () => Promise<void>): Promise<void> {
    const turn = this.#place.tail.then(() => (this.#place.owner === this ? write() : undefined));
    this.#place.tail = turn.catch(() => undefined);
    return turn;
  }

  async #takePlace(): Promise<void> {
    const side = this.#side;
    if (side === undefined) throw new Error("a writer without bytes cannot take a place");
    this.#place.owner = this;
    this.#place.finished = undefined;
    const buffer = Buffer.allocUnsafe(Math.min(MOVE_BYTES, this.#bytes));
    for (let offset = 0; offset < this.#bytes; offset += buffer.length) {
      const part = buffer.subarray(0, Math.min(buffer.length, this.#bytes - offset));
      await side.read(offset, part);
      await this.#atPlace(() => this.#parts.bytes.write([part], this.#start + offset));
    }
  }

  #closeSide(): void {
    this.#side?.close();
    this.#side = undefined;
  }
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
