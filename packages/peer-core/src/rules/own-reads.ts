import { pieceLength, type PieceRun } from "@darner/domain";
import type { SourceCause } from "../effect.ts";
import type { Millis } from "../limits.ts";
import { isAnythingComing, isSilent, outlookOf, silenceDeadline } from "./outlook.ts";
import { earliest, isWanted, type PeerState } from "../peer-state.ts";

/** Why and from when on a peer may read the source without the scheduler's word. */
type OwnReading = {
  readonly cause: SourceCause;
  readonly from: Millis;
  /** Source reads at a time. */
  readonly atOnce: number;
  /** Pieces in one read, at most. */
  readonly most: number;
};

/** Goes back to source where, and as far as, `ownReading` allows it. A source without ranges is read whole. */
export function goBackToSource(peer: PeerState, now: Millis): Millis | undefined {
  const reading = ownReading(peer, now);
  if (reading === undefined) return undefined;
  if (now < reading.from) return earliest(reading.from, silenceDeadline(peer, now));
  const { transfers, source, pieces } = peer;
  while (transfers.sourceReads < (source.sequential ? 1 : reading.atOnce)) {
    const run = nextOwnRun(peer, reading.most, now);
    if (run === undefined) return silenceDeadline(peer, now);
    const { id } = transfers.start("source", undefined, run, now, (piece) => pieces.isMissing(piece));
    source.limited = undefined;
    peer.out.push({ type: "read-source", transfer: id, run, cause: reading.cause });
  }
  return undefined;
}

/**
 * failed-proof:  until the whole blob came from the own source once; everything that is missing, in one read.
 * no-scheduler:  alone, returnMs and the jitter after the scheduler was lost (fedReturnMs while pieces come): ownSourceReads at a time,
 *                each at most max(ownReadBytes / piece length, ownReadPieces) pieces, of shortReadBytes for the first shortReadsMs, so that a
 *                scheduler that returns can take over. Misled: a few pieces.
 * struck:        not at all: what would come is known to be wrong.
 * starved:       starvedReadMs after the scheduler said so; as if alone.
 * Never without access, before the pause after a failure is over, or for nobody.
 */
function ownReading(peer: PeerState, now: Millis): OwnReading | undefined {
  const { source, limits, pieces } = peer;
  if (peer.phase !== "fetching" || source.access === "none" || !isWanted(peer)) return undefined;
  if (peer.fromOwnSource) return { cause: "failed-proof", from: source.notBefore, atOnce: 1, most: pieces.count };
  const most = Math.max(limits.ownReadPieces, Math.floor(limits.ownReadBytes / pieceLength(peer.task.size)));
  const atOnce = limits.ownSourceReads;
  const outlook = outlookOf(peer, now);
  switch (outlook.name) {
    case "hopeful":
    case "fed":
    case "limited":
    case "struck":
      return undefined;
    case "alone": {
      const fedUntil =
        !peer.session.live && now < peer.session.awaitedUntil && isAnythingComing(peer, now) ? outlook.since + limits.fedReturnMs : 0;
      const short = now < peer.session.awaitedUntil ? Math.min(most, shortRead(peer)) : most;
      return { cause: "no-scheduler", from: Math.max(outlook.readsFrom, fedUntil, source.notBefore), atOnce, most: short };
    }
    case "misled":
      return { cause: "no-scheduler", from: source.notBefore, atOnce: 1, most: limits.needPieces };
    case "starved":
      return { cause: "starved", from: Math.max(outlook.since + limits.starvedReadMs, source.notBefore), atOnce, most };
  }
}

/** Pieces of an own read while a scheduler may come back at any moment. */
function shortRead({ limits, task }: PeerState): number {
  return Math.max(1, Math.floor(limits.shortReadBytes / pieceLength(task.size)));
}

/** The next run: from the next piece of the most impatient reader that can be asked for, else from the frontier. */
function nextOwnRun(peer: PeerState, most: number, now: Millis): PieceRun | undefined {
  const free = freePieces(peer, now);
  if (!free.includes(true)) return undefined;
  if (peer.source.sequential) return { first: 0, stride: 1, count: peer.pieces.count };
  const first = startOfRun(peer, free);
  let count = 1;
  while (count < most && free[first + count] === true) count += 1;
  return { first, stride: 1, count };
}

/** For each piece whether it can be asked for: missing, and in flight at most from parents that are silent. */
function freePieces(peer: PeerState, now: Millis): boolean[] {
  const { pieces, transfers } = peer;
  const free = Array.from({ length: pieces.count }, (_, piece) => pieces.isMissing(piece));
  for (const transfer of transfers.live) {
    const isLost = transfer.from !== "source" && isSilent(peer, transfer, now);
    for (const piece of transfer.left) if (!isLost || transfer.kept.has(piece)) free[piece] = false;
  }
  return free;
}

function startOfRun(peer: PeerState, free: readonly boolean[]): number {
  const { readers, pieces } = peer;
  for (const { next, end } of readers.waiting()) {
    const piece = free.indexOf(true, next);
    if (piece >= 0 && piece < end) return piece;
  }
  let nearest: { readonly piece: number; readonly distance: number } | undefined;
  for (const { next, end } of readers.all) {
    const piece = free.indexOf(true, next);
    const distance = pieces.have.firstMissing(next) - next;
    if (piece >= 0 && piece < end && (nearest === undefined || distance < nearest.distance)) nearest = { piece, distance };
  }
  return nearest?.piece ?? free.indexOf(true);
}
