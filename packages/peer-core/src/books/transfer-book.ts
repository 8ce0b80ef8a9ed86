import { type HostId, type PieceRun, piecesOf } from "@darner/domain";
import type { Millis } from "../limits.ts";
import { covers } from "./piece-runs.ts";

/** One request under way: to a parent, or to the source. */
export type Transfer = {
  readonly id: number;
  readonly from: HostId | "source";
  /** The grant it serves; undefined for an own read and for a grant of a scheduler that is gone. */
  grant: number | undefined;
  readonly run: PieceRun;
  /** What it was asked for and has not landed from anywhere: the pieces in flight. */
  readonly left: Set<number>;
  /** Pieces that another transfer carried at the same time: the body takes one of the two copies and drops the other. */
  readonly shared: Set<number>;
  /** Pieces for which another transfer came and went while this one kept them: nobody else is asked for them while it runs. */
  readonly kept: Set<number>;
  readonly startedAt: Millis;
  /** When it last landed a piece, or began. */
  lastSignAt: Millis;
};

const NONE: readonly Transfer[] = [];

/** The transfers of a peer: the live ones, bounded by who starts them, and the last cancelled ones. */
export class TransferBook {
  readonly #live = new Map<number, Transfer>();
  readonly #cancelled = new Map<number, Transfer>();
  // At most one entry a piece.
  readonly #excused = new Set<number>();
  // How many live transfers carry a piece: at most one entry a piece.
  readonly #carried = new Map<number, number>();
  readonly #maxCancelled: number;
  #lastId = 0;

  constructor(maxCancelled: number) {
    this.#maxCancelled = maxCancelled;
  }

  /** The live transfers, oldest first. */
  get live(): Iterable<Transfer> {
    return this.#live.values();
  }

  get count(): number {
    return this.#live.size;
  }

  /** How many live transfers read the source. */
  get sourceReads(): number {
    let count = 0;
    for (const transfer of this.#live.values()) if (transfer.from === "source") count += 1;
    return count;
  }

  /** Begins a transfer for those pieces of a run that `asked` names. */
  start(from: HostId | "source", grant: number | undefined, run: PieceRun, asked: (piece: number) => boolean, now: Millis): Transfer {
    this.#lastId += 1;
    const left = new Set(piecesOf(run).filter(asked));
    const [shared, kept] = [new Set<number>(), new Set<number>()];
    const transfer = { id: this.#lastId, from, grant, run, left, shared, kept, startedAt: now, lastSignAt: now };
    for (const piece of left) {
      this.#share(transfer, piece);
      this.#carried.set(piece, (this.#carried.get(piece) ?? 0) + 1);
    }
    this.#live.set(transfer.id, transfer);
    return transfer;
  }

  /** A live transfer no longer carries a piece. */
  #drop(transfer: Transfer, piece: number): void {
    if (transfer.left.delete(piece)) this.#uncarry(piece);
  }

  #uncarry(piece: number): void {
    const carriers = this.#carried.get(piece) ?? 0;
    if (carriers > 1) this.#carried.set(piece, carriers - 1);
    else this.#carried.delete(piece);
  }

  /** A landed piece was given up: the body may still hold its place when the next transfer brings it. */
  excuse(piece: number): void {
    this.#excused.add(piece);
  }

  // A cancelled transfer may still be writing the piece when the next one brings it: that excuses one lost copy.
  #share(transfer: Transfer, piece: number): void {
    for (const other of this.carriersOf(piece)) {
      other.shared.add(piece);
      transfer.shared.add(piece);
    }
    for (const other of this.#cancelled.values()) if (other.left.delete(piece)) transfer.shared.add(piece);
    if (this.#excused.delete(piece)) transfer.shared.add(piece);
  }

  /** The transfer a landed piece may have come by, live or lately cancelled; undefined where it never was asked for it. */
  senderOf(id: number, piece: number): Transfer | undefined {
    const transfer = this.#live.get(id) ?? this.#cancelled.get(id);
    return transfer !== undefined && covers(transfer.run, piece) ? transfer : undefined;
  }

  isLive(id: number): boolean {
    return this.#live.has(id);
  }

  /** Takes a landed piece out of flight; returns the other transfers that carried it. */
  land(sender: Transfer, piece: number, now: Millis): Transfer[] {
    sender.lastSignAt = now;
    const others = this.carriersOf(piece).filter((carrier) => carrier !== sender);
    if (this.#live.has(sender.id)) this.#drop(sender, piece);
    else sender.left.delete(piece);
    for (const other of others) this.#drop(other, piece);
    return others;
  }

  /** A transfer is over; undefined where it was not live. What it left is with whoever else carries it. */
  end(id: number): Transfer | undefined {
    const transfer = this.#live.get(id);
    if (transfer === undefined) return undefined;
    // What it left stays in `left`, for who asks what it owed.
    for (const piece of transfer.left) this.#uncarry(piece);
    this.#live.delete(id);
    for (const piece of transfer.left) for (const other of this.carriersOf(piece)) other.kept.add(piece);
    return transfer;
  }

  /** Moves a transfer to the cancelled ones; says whether it was live. */
  cancel(id: number): boolean {
    const transfer = this.#live.get(id);
    if (transfer === undefined) return false;
    for (const piece of transfer.left) this.#uncarry(piece);
    this.#live.delete(id);
    transfer.grant = undefined;
    this.#cancelled.set(id, transfer);
    for (const oldest of this.#cancelled.keys()) if (this.#cancelled.size > this.#maxCancelled) this.#cancelled.delete(oldest);
    return true;
  }

  /** Forgets cancelled transfers: what still lands of them belongs to bytes that are gone. */
  forgetCancelled(): void {
    this.#cancelled.clear();
    this.#excused.clear();
  }

  isInFlight(piece: number): boolean {
    return this.#carried.has(piece);
  }

  carriersOf(piece: number): readonly Transfer[] {
    if (!this.#carried.has(piece)) return NONE;
    return [...this.#live.values()].filter((transfer) => transfer.left.has(piece));
  }

  /** How many pieces are in flight. */
  get inFlight(): number {
    return this.#carried.size;
  }

  get cancelledCount(): number {
    return this.#cancelled.size;
  }
}
