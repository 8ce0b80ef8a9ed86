import { PieceFrameReader, type ReadPieceFrame } from "@darner/protocol";
import type { PieceWriter } from "../store/store.ts";

/** The bytes of one piece on their way in. */
export type IncomingPiece = {
  readonly piece: number;
  readonly length: number;
  /** Where they go; undefined: they are read and dropped. */
  writer: PieceWriter | undefined;
};

/** Who is told what came in. */
export interface IntakeOwner {
  /** A frame, or what is wrong; for a `piece` frame gives what its bytes are for. */
  heard(read: ReadPieceFrame): IncomingPiece | undefined;
  /** Bytes of a piece came; `wanted`: they went to its writer. */
  bytesCame(bytes: number, wanted: boolean): void;
  /** The piece's last byte came. */
  pieceCame(piece: IncomingPiece): void;
  /** The disk refused bytes of the piece: its writer takes no more, what still comes is dropped. */
  writerFailed(piece: IncomingPiece, writer: PieceWriter): void;
  /** The intake takes bytes again. */
  resume(): void;
  /** More bytes came than a socket that was asked to stop may have on hand. */
  overrun(): void;
}

// As much as one read of a socket brings; also the place where bytes that nobody wants are put.
const SPARE_BYTES = 64 * 1024;
// A socket asked to stop still hands on what it has read: one read (64 KiB) and a TLS record. More says that stopping does not work.
const MAX_SPILLED_BYTES = 1024 * 1024;
// What is written here is never read: all connections share it.
const sink = new Uint8Array(SPARE_BYTES);

/**
 * Says where the next bytes from a socket go, so that those of a piece land in its writer's buffers without a copy (`onread` of a socket).
 * A buffer handed to the socket stays on loan until the socket has used it once more: a writer is given back only then.
 */
export class Intake {
  readonly #owner: IntakeOwner;
  readonly #reader = new PieceFrameReader("child");
  #piece: IncomingPiece | undefined;
  #left = 0;
  /** The buffer that the socket will fill next. */
  #onLoan: Uint8Array;
  #abandoned = false;
  #holds = 0;
  /** Takes what comes while nothing should: copied on when the intake goes on. */
  #spill: Uint8Array | undefined;
  #spilled: Uint8Array[] = [];
  #spilledBytes = 0;
  #closed = false;

  constructor(owner: IntakeOwner) {
    this.#owner = owner;
    this.#onLoan = this.#reader.space();
  }

  /** The buffer for the socket's next bytes. */
  readonly buffer = (): Uint8Array => this.#onLoan;

  /** The socket has put `bytes` bytes into `buffer`; whether more may come now. */
  readonly received = (bytes: number, buffer: Uint8Array): boolean => {
    if (!this.#closed) this.#take(bytes, buffer);
    this.#onLoan = this.#closed ? sink : this.#target();
    return this.#holds === 0;
  };

  /** Whether the intake takes no bytes at the moment, so that silence is its own doing. */
  get held(): boolean {
    return this.#holds > 0;
  }

  /** Takes no further bytes until the promise settles. */
  hold(until: Promise<unknown>): void {
    this.#holds += 1;
    const release = (): void => {
      this.#holds -= 1;
      this.#drain();
      if (this.#holds === 0 && !this.#closed) this.#owner.resume();
    };
    until.then(release, release);
  }

  /** The current piece is not wanted any more. Its writer is aborted as soon as the socket cannot write into its buffer. */
  abandon(): void {
    this.#abandoned = true;
    if (this.#holds > 0) this.#releaseWriter();
  }

  /** The socket is destroyed: nothing more comes. */
  close(): void {
    this.#closed = true;
    this.#onLoan = sink;
    this.#releaseWriter();
    this.#spilled = [];
  }

  #take(bytes: number, buffer: Uint8Array): void {
    if (buffer !== this.#spill) {
      this.#commit(bytes);
      return;
    }
    this.#spilled.push(buffer.slice(0, bytes));
    this.#spilledBytes += bytes;
    if (this.#spilledBytes > MAX_SPILLED_BYTES) this.#owner.overrun();
    else this.#drain();
  }

  /** Where the next bytes belong; the spill where they cannot go on now. */
  #target(): Uint8Array {
    if (this.#holds === 0) {
      const target = this.#piece === undefined ? this.#reader.space() : this.#pieceSpace(this.#piece);
      if (target !== undefined) return target;
    }
    return (this.#spill ??= new Uint8Array(SPARE_BYTES));
  }

  #pieceSpace(piece: IncomingPiece): Uint8Array | undefined {
    const { writer } = piece;
    if (writer === undefined) return sink.subarray(0, Math.min(sink.length, this.#left));
    const space = writer.space();
    if (space === undefined) this.hold(this.#drained(piece, writer));
    return space;
  }

  async #drained(piece: IncomingPiece, writer: PieceWriter): Promise<void> {
    try {
      await writer.drained();
    } catch {
      if (piece.writer !== writer) return;
      // The socket fills the spill now, so the writer's buffers are not on loan.
      piece.writer = undefined;
      this.#owner.writerFailed(piece, writer);
    }
  }

  #commit(bytes: number): void {
    if (this.#piece === undefined) {
      const read = this.#reader.commit(bytes);
      if (read === undefined) return;
      this.#piece = this.#owner.heard(read);
      this.#left = this.#piece?.length ?? 0;
      return;
    }
    if (this.#abandoned) this.#releaseWriter();
    this.#commitPiece(this.#piece, bytes);
  }

  #commitPiece(piece: IncomingPiece, bytes: number): void {
    piece.writer?.commit(bytes);
    this.#left -= bytes;
    this.#owner.bytesCame(bytes, piece.writer !== undefined);
    if (this.#left > 0 || this.#piece !== piece) return;
    this.#piece = undefined;
    this.#owner.pieceCame(piece);
  }

  #drain(): void {
    while (this.#holds === 0 && !this.#closed) {
      const [first] = this.#spilled;
      if (first === undefined) return;
      const target = this.#target();
      if (target === this.#spill) return;
      const part = first.subarray(0, target.length);
      target.set(part);
      this.#spilledBytes -= part.length;
      if (part.length < first.length) this.#spilled[0] = first.subarray(part.length);
      else this.#spilled.shift();
      this.#commit(part.length);
    }
  }

  #releaseWriter(): void {
    this.#abandoned = false;
    const writer = this.#piece?.writer;
    if (this.#piece === undefined || writer === undefined) return;
    this.#piece.writer = undefined;
    writer.abort();
  }
}
