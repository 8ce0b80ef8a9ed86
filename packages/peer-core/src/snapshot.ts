import type { PeerState, Phase } from "./peer-state.ts";
import type { Standing } from "./books/session.ts";

/** How a peer is doing, for people and metrics. */
export type PeerSnapshot = {
  /** `unborn` before `peer-started`. */
  readonly phase: "unborn" | Phase;
  /** Pieces of the blob. */
  readonly pieces: number;
  /** Pieces held. */
  readonly held: number;
  /** Pieces in flight. */
  readonly inFlight: number;
  /** Transfers under way, and how many of them read the source. */
  readonly transfers: number;
  readonly sourceReads: number;
  /** Readers of the peer. */
  readonly readers: number;
  /** What the scheduler said last; `alone` without a session. */
  readonly standing: Standing | "alone";
};

/** A copy of what people want to know. */
export function snapshotOf(peer: PeerState | undefined): PeerSnapshot {
  if (peer === undefined)
    return { phase: "unborn", pieces: 0, held: 0, inFlight: 0, transfers: 0, sourceReads: 0, readers: 0, standing: "alone" };
  const { pieces, transfers, readers, session, phase } = peer;
  return {
    phase,
    pieces: pieces.count,
    held: pieces.have.count,
    inFlight: transfers.inFlight,
    transfers: transfers.count,
    sourceReads: transfers.sourceReads,
    readers: readers.count,
    standing: session.live ? session.standing : "alone",
  };
}
