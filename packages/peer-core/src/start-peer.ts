import { pieceCount } from "@darner/domain";
import type { PeerEvent } from "./event.ts";
import { openAtScheduler } from "./rules/follow-scheduler.ts";
import { leisure } from "./rules/outlook.ts";
import { GrantBook } from "./books/grant-book.ts";
import { LandingRhythm } from "./books/landing-rhythm.ts";
import type { Millis, PeerLimits } from "./limits.ts";
import type { PeerState, Random } from "./peer-state.ts";
import { PieceBook } from "./books/piece-book.ts";
import { ReaderBook } from "./books/reader-book.ts";
import { emptyReports } from "./books/report-queue.ts";
import type { Session } from "./books/session.ts";
import { freshSource } from "./books/source-book.ts";
import { TransferBook } from "./books/transfer-book.ts";

/** The begin of a peer. */
export type PeerStarted = Extract<PeerEvent, { type: "peer-started" }>;

/** A peer begins: what is held already needs no scheduler, the rest is opened there. */
export function startPeer(event: PeerStarted, limits: PeerLimits, random: Random, now: Millis): PeerState {
  const peer: PeerState = {
    limits,
    random,
    task: event.task,
    registry: event.registry,
    priority: event.priority,
    session: firstSession(event, limits, random, now),
    source: freshSource(event.access, event.sequential),
    readers: new ReaderBook(limits.readers, now),
    transfers: new TransferBook(limits.cancelledTransfers),
    grants: new GrantBook(),
    rhythm: new LandingRhythm(),
    pieces: new PieceBook(pieceCount(event.task.size), event.have),
    reports: emptyReports(),
    needs: new Map(),
    phase: "fetching",
    failedProofs: 0,
    fromOwnSource: false,
    lastProgressAt: now,
    troubleSince: undefined,
    out: [],
  };
  if (!peer.pieces.have.isFull) openAtScheduler(peer, now);
  return peer;
}

// A reader waits for its first byte and comes alone; preheats come to all hosts at once, and what follows the loss of a scheduler does, too.
function firstSession(started: PeerStarted, limits: PeerLimits, random: Random, now: Millis): Session {
  const { schedulerLive, priority, lostForMs = Infinity } = started;
  const returnsIn = schedulerLive ? 0 : Math.max(0, limits.returnMs - lostForMs);
  const lot = schedulerLive || (priority === "reader" && returnsIn === 0) ? 0 : random();
  const ownReadsFrom = now + returnsIn + lot * limits.jitterMs + leisure({ priority, limits });
  const awaitedUntil = now + Math.max(0, limits.shortReadsMs - lostForMs);
  const heard = { standing: "unheard" as const, standingSince: now, retryAfterMs: 0, resumedAt: now, assuredAt: now, lot };
  return {
    live: schedulerLive,
    isOpen: false,
    isOpenDue: false,
    isRestartExpected: false,
    since: now,
    awaitedUntil,
    ownReadsFrom,
    ...heard,
  };
}
