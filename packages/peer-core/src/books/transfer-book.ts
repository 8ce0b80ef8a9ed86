import { type HostId, type PieceRun, piecesOf } from "@darner/domain";
import type { Millis } from "../limits.ts";
import { covers } from "./piece-runs.ts";
import { SignOrder } from "./sign-order.ts";

/** One request under way: to a parent, or to the source. Those from parents are kept in the order of their last signs. */
export type Transfer = {
  readonly id: number;
  readonly from: HostId | "source";
  /** The grant it serves; undefined for an own read and for a grant of a scheduler that is gone. */
  grant: number | undefined;
  readonly run: PieceRun;
  /** What it was asked for and has not landed from anywhere: the pieces in flight. */
  readonly left: Set<number>;
  /** Pieces that another transfer carried at the same time: the body takes one of the two copies and drops the other. */
  shared: ReadonlySet<number>;
  /** Pieces for which another transfer came and went while this one kept them: nobody else is asked for them while it runs. */
  kept: ReadonlySet<number>;
  /** When it last landed a piece, or began. */
  lastSignAt: Millis;
  /** Its neighbours among those from parents, in the order of their last signs. */
  before: Transfer | undefined;
  after: Transfer | undefined;
};

const NONE: readonly Transfer[] = [];
// What most transfers share and keep: two sets less for each of them.
const NO_PIECES: ReadonlySet<number> = new Set<number>();

/** The transfers of a peer: the live ones, bounded by who starts them, and the last cancelled ones. */
export class TransferBook {
  readonly #live = new Map<number, Transfer>();
  // Those of them from parents: who waits looks at them after every event.
  readonly #givers = new SignOrder<Transfer>();
  readonly #cancelled = new Map<number, Transfer>();
  // At most one entry a piece.
  readonly #excused = new Set<number>();
  // Which live transfers carry a piece: at most one entry a piece.
  readonly #carriers = new Map<number, readonly Transfer[]>();
  readonly #maxCancelled: number;
  #lastId = 0;
  #sourceReads = 0;

  constructor(maxCancelled: number) {
    this.#maxCancelled = maxCancelled;
  }

  /** The live transfers, oldest first. */
  get live(): Iterable<Transfer> {
    return this.#live.values();
  }

  /** Of the live transfers from parents the one that gave a sign last; `before` leads to the others. */
  get latestGiver(): Transfer | undefined {
    return this.#givers.latest;
  }

  get count(): number {
    return this.#live.size;
  }

  /** How many live transfers read the source. */
  get sourceReads(): number {
    return this.#sourceReads;
  }

  /** Begins a transfer for those pieces of a run that `asked` names; for all of them where it is left out. */
  start(from: HostId | "source", grant: number | undefined, run: PieceRun, now: Millis, asked?: (piece: number) => boolean): Transfer {
    this.#lastId += 1;
    const left = new Set(asked === undefined ? piecesOf(run) : piecesOf(run).filter(asked));
    const order = { lastSignAt: now, before: undefined, after: undefined };
    const transfer: Transfer = { id: this.#lastId, from, grant, run, left, shared: NO_PIECES, kept: NO_PIECES, ...order };
    for (const piece of left) {
      this.#share(transfer, piece);
      const before = this.#carriers.get(piece);
      this.#carriers.set(piece, before === undefined ? [transfer] : [...before, transfer]);
    }
    this.#live.set(transfer.id, transfer);
    if (from === "source") this.#sourceReads += 1;
    else this.#givers.add(transfer);
    return transfer;
  }

  /** A live transfer no longer carries a piece. */
  #drop(transfer: Transfer, piece: number): void {
    if (transfer.left.delete(piece)) this.#uncarry(transfer, piece);
  }

  #uncarry(transfer: Transfer, piece: number): void {
    const carriers = this.carriersOf(piece);
    if (carriers.length > 1)
      this.#carriers.set(
        piece,
        carriers.filter((carrier) => carrier !== transfer),
      );
    else this.#carriers.delete(piece);
  }

  /** A transfer is live no more; what it left stays in `left`, for who asks what it owed. */
  #endLive(transfer: Transfer): void {
    for (const piece of transfer.left) this.#uncarry(transfer, piece);
    this.#live.delete(transfer.id);
    if (transfer.from === "source") this.#sourceReads -= 1;
    else this.#givers.remove(transfer);
  }

  /** A landed piece was given up: the body may still hold its place when the next transfer brings it. */
  excuse(piece: number): void {
    this.#excused.add(piece);
  }

  // A cancelled transfer may still be writing the piece when the next one brings it: that excuses one lost copy.
  #share(transfer: Transfer, piece: number): void {
    for (const other of this.carriersOf(piece)) {
      other.shared = withPiece(other.shared, piece);
      transfer.shared = withPiece(transfer.shared, piece);
    }
    for (const other of this.#cancelled.values()) if (other.left.delete(piece)) transfer.shared = withPiece(transfer.shared, piece);
    if (this.#excused.delete(piece)) transfer.shared = withPiece(transfer.shared, piece);
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
  land(sender: Transfer, piece: number, now: Millis): readonly Transfer[] {
    sender.lastSignAt = now;
    const carriers = this.carriersOf(piece);
    const others = carriers.length === 1 && carriers[0] === sender ? NONE : carriers.filter((carrier) => carrier !== sender);
    if (!this.#live.has(sender.id)) sender.left.delete(piece);
    else {
      this.#drop(sender, piece);
      if (sender.from !== "source") this.#givers.renew(sender);
    }
    for (const other of others) this.#drop(other, piece);
    return others;
  }

  /** A transfer is over; undefined where it was not live. What it left is with whoever else carries it. */
  end(id: number): Transfer | undefined {
    const transfer = this.#live.get(id);
    if (transfer === undefined) return undefined;
    this.#endLive(transfer);
    for (const piece of transfer.left) for (const other of this.carriersOf(piece)) other.kept = withPiece(other.kept, piece);
    return transfer;
  }

  /** Moves a transfer to the cancelled ones; says whether it was live. */
  cancel(id: number): boolean {
    const transfer = this.#live.get(id);
    if (transfer === undefined) return false;
    this.#endLive(transfer);
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
    return this.#carriers.has(piece);
  }

  carriersOf(piece: number): readonly Transfer[] {
    return this.#carriers.get(piece) ?? NONE;
  }

  /** How many pieces are in flight. */
  get inFlight(): number {
    return this.#carriers.size;
  }

  get cancelledCount(): number {
    return this.#cancelled.size;
  }
}

function withPiece(pieces: ReadonlySet<number>, piece: number): ReadonlySet<number> {
  return pieces === NO_PIECES ? new Set([piece]) : (pieces as Set<number>).add(piece);
}
