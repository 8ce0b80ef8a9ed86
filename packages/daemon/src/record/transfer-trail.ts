import { piecesOf, type HostId, type PieceRun, type PieceSet } from "@darner/domain";
import type { Origin } from "./blob-account.ts";

type Trail = { readonly from: Origin; readonly run: PieceRun };

// More than the core has transfers and grants at a time, cancelled ones whose pieces still land included.
const MAX_TRAILS = 1024;
// As many pieces as the core lets wait for their line of the table, and to spare.
const MAX_LANDED = 4096;

/** Which transfer brings which piece, and what became of those that were to bring it before. */
export class TransferTrail {
  readonly #transfers = new Map<number, Trail>();
  readonly #grants = new Map<number, Trail>();
  // Pieces that are on disk and wait for their line of the table.
  readonly #landed = new Map<number, number>();
  // Why a piece did not come as it was to; at most one entry a piece.
  readonly #lost = new Map<number, string>();

  began(transfer: number, from: Origin, run: PieceRun): void {
    bounded(this.#transfers, MAX_TRAILS).set(transfer, { from, run });
  }

  granted(grant: number, from: Origin, run: PieceRun): void {
    bounded(this.#grants, MAX_TRAILS).set(grant, { from, run });
  }

  landed(piece: number, transfer: number): void {
    bounded(this.#landed, MAX_LANDED).set(piece, transfer);
  }

  /** The transfer a piece came by; it is on its way no more. */
  take(piece: number): { readonly transfer: number; readonly from: Origin | undefined } {
    const transfer = this.#landed.get(piece) ?? 0;
    this.#landed.delete(piece);
    this.#lost.delete(piece);
    return { transfer, from: this.#transfers.get(transfer)?.from };
  }

  originOf(transfer: number): Origin | undefined {
    return this.#transfers.get(transfer)?.from;
  }

  failed(transfer: number, why: string, have: PieceSet): void {
    this.#lose(this.#transfers.get(transfer), why, have);
  }

  revoked(grant: number, have: PieceSet): void {
    this.#lose(this.#grants.get(grant), "revoked", have);
    this.#grants.delete(grant);
  }

  /** Why a piece did not come another way: `parent-silent from 12D3…`; empty where nobody was to bring it. */
  whyMissing(piece: number): string {
    return this.#lost.get(piece) ?? "";
  }

  #lose(trail: Trail | undefined, why: string, have: PieceSet): void {
    if (trail === undefined) return;
    for (const piece of piecesOf(trail.run)) if (!have.has(piece)) this.#lost.set(piece, `${why} from ${nameOf(trail.from)}`);
  }
}

function nameOf(from: HostId | "source"): string {
  return from === "source" ? "the source" : from;
}

function bounded<Value>(map: Map<number, Value>, max: number): Map<number, Value> {
  const oldest = map.size >= max ? map.keys().next() : undefined;
  if (oldest !== undefined && oldest.done !== true) map.delete(oldest.value);
  return map;
}
