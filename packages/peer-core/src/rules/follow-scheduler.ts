import { piecesOf, runsOf, type PieceHash, type PieceRun, type SourceAccess } from "@darner/domain";
import type { PeerGrant } from "../grant.ts";
import type { Millis } from "../limits.ts";
import { cancelTransfer, isWanted, type PeerState, tell } from "../peer-state.ts";
import { forgetUsedUp } from "./assign-grants.ts";
import { isPieceHash } from "../books/piece-book.ts";
import { covers, isRunWithin } from "../books/piece-runs.ts";
import { emptyReports } from "../books/report-queue.ts";
import { queueReport } from "./report-verified.ts";
import { leisure } from "./outlook.ts";
import { standingTold } from "../books/session.ts";

/** Tells the scheduler that this peer is there, what it has, and which lines of the table it read itself. */
export function openAtScheduler(peer: PeerState, now: Millis, reading: readonly PieceRun[] = []): void {
  const { session, pieces, limits } = peer;
  if (!session.live) return;
  session.isOpen = true;
  session.isOpenDue = false;
  session.since = now;
  session.lot = peer.random();
  session.awaitedUntil = now + limits.shortReadsMs;
  session.ownReadsFrom = now + limits.silentSchedulerMs + session.lot * limits.jitterMs + leisure(peer);
  session.standing = "unheard";
  tellOpen(peer, reading);
  peer.reports = emptyReports();
  if (pieces.own.size > 0) queueReport(peer, pieces.ownLines(), true, now);
}

/** Tells the scheduler anew what it knows of this peer. */
export function tellOpen(peer: PeerState, reading: readonly PieceRun[] = []): void {
  const { registry, priority, source, pieces } = peer;
  const { access, sequential } = source;
  const open = { type: "open", registry, access, sequential, priority, have: pieces.have.clone() } as const;
  tell(peer, reading.length === 0 ? open : { ...open, reading });
}

/**
 * A blob that was dropped is opened again as soon as somebody wants it. Where the session knows the peer already this is only
 * a new word on what it has: the scheduler does not tell again how the peer stands.
 */
export function reopenWanted(peer: PeerState, now: Millis): void {
  const { session } = peer;
  if (!session.live || !session.isOpenDue || peer.phase !== "fetching" || !isWanted(peer)) return;
  session.isOpenDue = false;
  if (session.isOpen) tellOpen(peer);
  else openAtScheduler(peer, now);
}

/**
 * A session began, or another scheduler is followed from now on: no grant, standing or need of an earlier one holds; transfers under
 * way go on. What is read from the source, or was granted to be, is told: the scheduler grants it to this peer again and to nobody else.
 */
export function schedulerFound(peer: PeerState, now: Millis): void {
  const reading = readingOf(peer);
  peer.grants.clear();
  for (const transfer of peer.transfers.live) transfer.grant = undefined;
  for (const landed of peer.pieces.pending.values()) landed.grant = undefined;
  peer.needs.clear();
  peer.pieces.lineless.clear();
  peer.session.live = true;
  peer.session.isRestartExpected = false;
  openAtScheduler(peer, now, reading);
}

/** Pieces that are missing and that the source is asked for by this peer, or will be by the grants it has. */
function readingOf({ pieces, transfers, grants }: PeerState): PieceRun[] {
  const reading = new Set<number>();
  for (const { from, left } of transfers.live) if (from === "source") for (const piece of left) reading.add(piece);
  for (const { parent, run } of grants.all) if (parent === undefined) for (const piece of piecesOf(run)) reading.add(piece);
  return runsOf([...reading].filter((piece) => pieces.isMissing(piece)).toSorted((left, right) => left - right));
}

/** The session ended: most are back soon, and hosts that lost it together do not go to the source together. */
export function schedulerLost(peer: PeerState, now: Millis): void {
  const { session, limits } = peer;
  if (!session.live) return;
  session.live = false;
  session.isOpen = false;
  session.isOpenDue = false;
  session.since = now;
  session.lot = peer.random();
  session.awaitedUntil = now + limits.shortReadsMs;
  session.ownReadsFrom = now + limits.returnMs + session.lot * limits.jitterMs + leisure(peer);
  session.standing = "unheard";
  peer.reports = emptyReports();
  peer.needs.clear();
}

/** A grant came. A malformed or known one is ignored; one too many is given back, so that nobody waits for it. */
export function grantReceived(peer: PeerState, grant: PeerGrant, now: Millis): void {
  const { grants, session, limits, source } = peer;
  if (grants.has(grant.grant) || !isRunWithin(grant.run, peer.pieces.count)) return;
  if (session.standing !== "fed") standingTold(session, "fed", 0, peer.lastProgressAt, now);
  if (grant.parent === undefined) {
    adoptReads(peer, grant);
    const { connections = 1 } = grant;
    grants.changed ||= connections > source.connections;
    source.connections = connections;
  }
  if (grants.count >= limits.grants) forgetUsedUp(peer);
  if (grants.count < limits.grants) {
    grants.add(grant);
    return;
  }
  const failure =
    grant.parent === undefined
      ? { code: "source-unavailable" as const, retryAfterMs: limits.backoffMinMs }
      : { code: "parent-refused" as const };
  tell(peer, { type: "grant-failed", grant: grant.grant, failure });
}

/** A read that a scheduler before had granted serves the grant that says the same: where it fails, this scheduler is told. */
function adoptReads({ transfers }: PeerState, { grant, run }: PeerGrant): void {
  for (const transfer of transfers.live) {
    const isOrphan = transfer.from === "source" && transfer.grant === undefined && transfer.left.size > 0;
    if (isOrphan && [...transfer.left].every((piece) => covers(run, piece))) transfer.grant = grant;
  }
}

/** A grant was taken back: what it began is cancelled. */
export function grantRevoked(peer: PeerState, grant: number): void {
  if (peer.grants.delete(grant)) cancelTransfersOf(peer, grant);
}

/** Cancels what runs for a grant. */
export function cancelTransfersOf(peer: PeerState, grant: number): void {
  for (const transfer of [...peer.transfers.live]) if (transfer.grant === grant) cancelTransfer(peer, transfer.id);
  peer.grants.changed = true;
}

/** Lines of the table came; a line that contradicts a known one is not taken, the scheduler settles that. Returns the new ones. */
export function learnTable(peer: PeerState, hashes: readonly PieceHash[]): PieceHash[] {
  const { pieces, grants } = peer;
  if (pieces.lineless.size > 0) grants.changed = true;
  return hashes.filter((line) => pieces.isPiece(line.piece) && isPieceHash(line.hash) && pieces.told.add(line) === "new");
}

/** A request came with more right to read the source. */
export function accessChanged(peer: PeerState, access: SourceAccess): void {
  const { source, session } = peer;
  if (access === "none" || access === source.access) return;
  const couldNot = source.access === "none";
  source.access = access;
  source.refusedAt = undefined;
  if (couldNot && session.isOpen) tellOpen(peer);
}

/** A reader came to a preheat: who waits goes before who does not, at the scheduler too, and has no patience. */
export function priorityRaised(peer: PeerState): void {
  if (peer.priority === "reader") return;
  peer.session.ownReadsFrom -= leisure(peer);
  peer.priority = "reader";
  if (peer.session.isOpen) tellOpen(peer);
}
