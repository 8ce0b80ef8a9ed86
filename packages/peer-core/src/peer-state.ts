import type { Priority, Task } from "@darner/domain";
import type { PeerEffect } from "./effect.ts";
import type { PeerReport } from "./event.ts";
import type { GrantBook } from "./books/grant-book.ts";
import type { LandingRhythm } from "./books/landing-rhythm.ts";
import type { Millis, PeerLimits } from "./limits.ts";
import type { PieceBook } from "./books/piece-book.ts";
import type { ReaderBook } from "./books/reader-book.ts";
import type { ReportQueue } from "./books/report-queue.ts";
import type { Session } from "./books/session.ts";
import type { SourceBook } from "./books/source-book.ts";
import type { TransferBook } from "./books/transfer-book.ts";

/** Dice: a number in [0, 1). */
export type Random = () => number;

/**
 * Where the blob is: `fetching` pieces → `proving` the digest → `over`; a failed proof leads back to `fetching`,
 * and `over` is reached from everywhere.
 */
export type Phase = "fetching" | "proving" | "over";

/** Everything a running peer knows. The rules read and change it; each rule is a file. */
export type PeerState = {
  readonly limits: PeerLimits;
  readonly random: Random;
  readonly task: Task;
  readonly registry: string;
  /** preheat → reader, when a reader comes. */
  priority: Priority;
  readonly session: Session;
  readonly source: SourceBook;
  readonly readers: ReaderBook;
  readonly transfers: TransferBook;
  readonly grants: GrantBook;
  readonly rhythm: LandingRhythm;
  /** Replaced when the blob is dropped. */
  pieces: PieceBook;
  reports: ReportQueue;
  /** Needs told, and when; at most one entry a piece, until it lands. */
  readonly needs: Map<number, Millis>;
  phase: Phase;
  failedProofs: number;
  /** After a failed proof: the whole blob is to be read from the own source. */
  fromOwnSource: boolean;
  /** When the peer began, or a right piece last came. */
  lastProgressAt: Millis;
  /** When the first own read of the source failed since a right piece last came. */
  troubleSince: Millis | undefined;
  /** What is to be done, in order; emptied by every `handle`. */
  out: PeerEffect[];
};

/** Tells the scheduler, where a session stands. */
export function tell(peer: PeerState, report: PeerReport): void {
  if (peer.session.live) peer.out.push({ type: "tell-scheduler", report });
}

/** Whether anybody wants the blob on: a reader, a preheat, or the half of it that is already here. */
export function isWanted(peer: PeerState): boolean {
  return peer.readers.count > 0 || peer.priority === "preheat" || isMostlyHeld(peer);
}

/** Whether so much is held that going on to the end is cheaper than beginning anew. */
export function isMostlyHeld(peer: PeerState): boolean {
  return peer.pieces.have.count > 0 && peer.pieces.have.count * 2 >= peer.pieces.count;
}

/** Ends a transfer that is of no more use. */
export function cancelTransfer(peer: PeerState, transfer: number): void {
  if (peer.transfers.cancel(transfer)) peer.out.push({ type: "cancel-transfer", transfer });
}

/** Ends all transfers. */
export function cancelAll(peer: PeerState): void {
  for (const { id } of [...peer.transfers.live]) cancelTransfer(peer, id);
}

/** The earliest of some instants. */
export function earliest(...instants: (Millis | undefined)[]): Millis | undefined {
  let first: Millis | undefined;
  for (const instant of instants) if (instant !== undefined && (first === undefined || instant < first)) first = instant;
  return first;
}
