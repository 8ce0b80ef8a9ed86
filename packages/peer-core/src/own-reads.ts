import { pieceLength, type PieceRun } from "@darner/domain";
import type { SourceCause } from "./effect.ts";
import type { Millis } from "./limits.ts";
import { isSilent, outlookOf, silenceDeadline } from "./outlook.ts";
import { isWanted, type PeerState } from "./peer-state.ts";

/** Why and from when on a peer may read the source without the scheduler's word. */
type OwnReading = { readonly cause: SourceCause; readonly from: Millis };

/**
 * Goes back to source where `ownReading` allows it: at most ownSourceReads at a time, each a contiguous run of missing pieces of at most
 * max(ownReadBytes / piece length, ownReadPieces), so that a scheduler that returns can take over. A source without ranges is read whole.
 */
export function goBackToSource(peer: PeerState, now: Millis): Millis | undefined {
  const reading = ownReading(peer, now);
  if (reading === undefined) return undefined;
  if (now < reading.from) return reading.from;
  const { transfers, limits, source } = peer;
  const atOnce = source.sequential || reading.cause === "failed-proof" ? 1 : limits.ownSourceReads;
  while (transfers.sourceReads < atOnce) {
    const run = nextOwnRun(peer, reading.cause, now);
    if (run === undefined) return silenceDeadline(peer, now);
    const isAsked = (piece: number): boolean => peer.pieces.isMissing(piece);
    const { id } = transfers.start("source", undefined, run, isAsked, now);
    source.limited = undefined;
    peer.out.push({ type: "read-source", transfer: id, run, cause: reading.cause });
  }
  return undefined;
}

/**
 * failed-proof:  until the whole blob came from the own source once.
 * no-scheduler:  alone, after the jitter.
 * starved:       starvedReadMs after the scheduler said so.
 * Never without access, before the pause after a failure is over, or for nobody.
 */
function ownReading(peer: PeerState, now: Millis): OwnReading | undefined {
  const { source, limits } = peer;
  if (peer.phase !== "fetching" || source.access === "none" || !isWanted(peer)) return undefined;
  if (peer.fromOwnSource) return { cause: "failed-proof", from: source.notBefore };
  const outlook = outlookOf(peer, now);
  switch (outlook.name) {
    case "hopeful":
    case "fed":
    case "limited":
      return undefined;
    case "alone":
      return { cause: "no-scheduler", from: Math.max(outlook.readsFrom, source.notBefore) };
    case "starved":
      return { cause: "starved", from: Math.max(outlook.since + limits.starvedReadMs, source.notBefore) };
  }
}

/** The next run: from the next piece of the most impatient reader that can be asked for, else from the frontier. */
function nextOwnRun(peer: PeerState, cause: SourceCause, now: Millis): PieceRun | undefined {
  const { pieces, source, limits } = peer;
  const free = freePieces(peer, now);
  if (!free.includes(true)) return undefined;
  if (source.sequential) return { first: 0, stride: 1, count: pieces.count };
  const first = startOfRun(peer, free);
  const bounded = Math.max(limits.ownReadPieces, Math.floor(limits.ownReadBytes / pieceLength(peer.task.size)));
  const most = cause === "failed-proof" ? pieces.count : bounded;
  let count = 1;
  while (count < most && free[first + count] === true) count += 1;
  return { first, stride: 1, count };
}

/** For each piece whether it can be asked for: missing, and in flight at most from parents that are silent. */
function freePieces(peer: PeerState, now: Millis): boolean[] {
  const { pieces, transfers } = peer;
  const free = Array.from({ length: pieces.count }, (_, piece) => pieces.isMissing(piece));
  for (const transfer of transfers.live) {
    if (transfer.from !== "source" && isSilent(peer, transfer, now)) continue;
    for (const piece of transfer.left) free[piece] = false;
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
