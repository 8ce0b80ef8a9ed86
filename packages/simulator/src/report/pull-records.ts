import type { PieceSet } from "@darner/domain";
import type { SimulatedBlob } from "../bodies/blob.ts";

/** How one host's pull of one blob went, as its reader saw it. */
export class PullRecord {
  readonly host: number;
  readonly blob: SimulatedBlob;
  readonly beganAt: number;
  /** Whether somebody waits for it. */
  readonly isRead: boolean;
  endedAt: number | undefined;
  failure: string | undefined;
  /** When each piece came, since the pull began: the first one to come, the second one, … */
  readonly pieceMs: Float32Array;
  /** When each piece could be read, since the pull began: it and all before it are here. */
  readonly readableMs: Float32Array;
  /** Pieces held. */
  held: number;
  /** Pieces from the first one on without a gap. */
  prefix = 0;
  /** When the prefix last grew. */
  grewAt: number;
  /** When the first piece of the blob could be read. */
  firstPieceMs: number | undefined;
  /** The most pieces that were held and could not be read, because one before them was missing. */
  worstLagPieces = 0;
  /** The longest time the prefix did not grow. */
  longestPauseMs = 0;

  constructor(host: number, blob: SimulatedBlob, isRead: boolean, now: number, held: number) {
    this.isRead = isRead;
    this.host = host;
    this.blob = blob;
    this.beganAt = now;
    this.grewAt = now;
    this.pieceMs = new Float32Array(blob.pieces);
    this.readableMs = new Float32Array(blob.pieces);
    this.held = held;
  }

  /** A piece is held since now; says whether the prefix grew by it. */
  holds(have: PieceSet, now: number): boolean {
    this.pieceMs.fill(now - this.beganAt, this.held, have.count);
    this.held = have.count;
    const prefix = have.has(this.prefix) ? have.firstMissing(this.prefix) : this.prefix;
    this.worstLagPieces = Math.max(this.worstLagPieces, this.held - prefix);
    if (prefix === this.prefix) return false;
    this.firstPieceMs ??= now - this.beganAt;
    this.longestPauseMs = Math.max(this.longestPauseMs, now - this.grewAt);
    this.readableMs.fill(now - this.beganAt, this.prefix, prefix);
    this.prefix = prefix;
    this.grewAt = now;
    return true;
  }

  /** The blob was dropped: it begins again from nothing. */
  dropped(now: number): void {
    this.held = 0;
    this.prefix = 0;
    this.grewAt = now;
  }
}

/** The records of all pulls of a run. */
export class PullRecords {
  readonly all: PullRecord[] = [];
  /** Pulls that have yet to begin, and those that have not ended. */
  planned = 0;
  open = 0;

  begin(host: number, blob: SimulatedBlob, isRead: boolean, now: number, held: number): PullRecord {
    const record = new PullRecord(host, blob, isRead, now, held);
    this.all.push(record);
    this.open += 1;
    return record;
  }

  /** A pull ended well. */
  completed(record: PullRecord, now: number): void {
    if (record.endedAt !== undefined || record.failure !== undefined) return;
    record.endedAt = now;
    this.open -= 1;
  }

  /** A pull ended badly. */
  failed(record: PullRecord, reason: string): void {
    if (record.endedAt !== undefined || record.failure !== undefined) return;
    record.failure = reason;
    this.open -= 1;
  }
}
