import { SteadyTime } from "@darner/domain";
import { askNeed } from "./rules/ask-need.ts";
import { assignGrants } from "./rules/assign-grants.ts";
import type { PeerEffect } from "./effect.ts";
import { endHopelessReaders } from "./rules/end-readers.ts";
import { transferEnded } from "./rules/end-transfer.ts";
import type { PeerEvent } from "./event.ts";
import {
  accessChanged,
  grantReceived,
  grantRevoked,
  learnTable,
  priorityRaised,
  reopenWanted,
  schedulerFound,
  schedulerLost,
} from "./rules/follow-scheduler.ts";
import { checkPeer } from "./invariants.ts";
import { decidePending, expirePending, pieceLanded } from "./rules/judge-piece.ts";
import { leaveStruck, leaveUnwanted } from "./rules/leave.ts";
import type { Millis, PeerLimits } from "./limits.ts";
import { outlookDeadline } from "./rules/outlook.ts";
import { goBackToSource } from "./rules/own-reads.ts";
import { earliest, type PeerState, type Random } from "./peer-state.ts";
import { beginProof, proofFailed, proofSucceeded, restartOrdered } from "./rules/prove-blob.ts";
import { reportVerified } from "./rules/report-verified.ts";
import { standingTold } from "./books/session.ts";
import { type PeerSnapshot, snapshotOf } from "./snapshot.ts";
import { startPeer } from "./start-peer.ts";

/** One host's part in one task: fetches the pieces of a blob from wherever they may come until it is proven or nobody wants it. */
export class Peer {
  readonly #limits: PeerLimits;
  readonly #random: Random;
  readonly #time: SteadyTime = new SteadyTime();
  #state: PeerState | undefined;
  #deadline: Millis | undefined;

  constructor(limits: PeerLimits, random: Random) {
    this.#limits = limits;
    this.#random = random;
  }

  /** What is to be done after `event`, in order. Nothing before `peer-started` and after `end-peer`. A `clock` that jumps costs no patience. */
  handle(event: PeerEvent, clock: Millis): PeerEffect[] {
    const now = this.#time.read(clock, this.#deadline);
    if (event.type === "peer-started") this.#state ??= startPeer(event, this.#limits, this.#random, now);
    const peer = this.#state;
    if (peer === undefined || peer.phase === "over") return [];
    apply(peer, event, now);
    this.#deadline = followRules(peer, now);
    const effects = peer.out;
    peer.out = [];
    return effects;
  }

  /** When the body is to send `time-passed`, if nothing else happens before. */
  nextDeadline(): Millis | undefined {
    return this.#deadline === undefined ? undefined : this.#time.clockAt(this.#deadline);
  }

  /** How the peer is doing, for people. */
  snapshot(): PeerSnapshot {
    return snapshotOf(this.#state);
  }

  /** Throws where something does not hold that always does. */
  checkInvariants(): void {
    if (this.#state !== undefined) checkPeer(this.#state);
  }
}

function apply(peer: PeerState, event: PeerEvent, now: Millis): void {
  switch (event.type) {
    case "access-changed":
      accessChanged(peer, event.access);
      return;
    case "priority-raised":
      priorityRaised(peer);
      return;
    case "reader-opened":
      peer.readers.open(event.reader, event.next, event.end, peer.pieces.count);
      return;
    case "reader-advanced":
      peer.readers.advance(event.reader, event.next);
      return;
    case "reader-closed":
      peer.readers.close(event.reader, now);
      return;
    case "piece-landed":
      pieceLanded(peer, event.transfer, event, now);
      return;
    case "transfer-ended":
      transferEnded(peer, event.transfer, event.failure, now);
      return;
    case "proof-succeeded":
      proofSucceeded(peer);
      return;
    case "proof-failed":
      proofFailed(peer, now);
      return;
    case "scheduler-found":
    case "scheduler-lost":
    case "grant-received":
    case "grant-revoked":
    case "table-received":
    case "standing-told":
    case "restart-ordered":
      applyWord(peer, event, now);
      return;
    case "peer-started":
    case "time-passed":
  }
}

/** What comes from the scheduler. */
type SchedulerWord = Extract<
  PeerEvent,
  {
    type:
      "scheduler-found" | "scheduler-lost" | "grant-received" | "grant-revoked" | "table-received" | "standing-told" | "restart-ordered";
  }
>;

function applyWord(peer: PeerState, word: SchedulerWord, now: Millis): void {
  switch (word.type) {
    case "scheduler-found":
      schedulerFound(peer, now);
      return;
    case "scheduler-lost":
      schedulerLost(peer, now);
      return;
    case "grant-received":
      grantReceived(peer, word.grant, now);
      return;
    case "grant-revoked":
      grantRevoked(peer, word.grant);
      return;
    case "table-received":
      decidePending(peer, learnTable(peer, word.hashes), now);
      return;
    case "standing-told":
      standingTold(peer.session, word.standing, word.retryAfterMs, peer.lastProgressAt, now);
      return;
    case "restart-ordered":
      restartOrdered(peer, now);
  }
}

/** Every rule looks at the peer after every event, in this order; each says when it wants to look again. */
function followRules(peer: PeerState, now: Millis): Millis | undefined {
  peer.readers.watch(peer.pieces.have, now);
  const pending = expirePending(peer, now);
  if (peer.phase !== "over") reopenWanted(peer, now);
  const report = reportVerified(peer, now);
  beginProof(peer);
  const waitingGrant = assignGrants(peer, now);
  const ownRead = goBackToSource(peer, now);
  leaveStruck(peer, now);
  const ending = endHopelessReaders(peer, now);
  const need = askNeed(peer, pending.expired, now);
  const leaving = leaveUnwanted(peer, now);
  if (peer.phase === "over") return undefined;
  return earliest(pending.deadline, report, waitingGrant, ownRead, ending, need, leaving, outlookDeadline(peer, now));
}
