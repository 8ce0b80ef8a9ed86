import { pieceLength, PieceSet, type Task } from "@darner/domain";
import type { PeerEffect, PeerEvent } from "@darner/peer-core";
import type { AccountNote, BlobAccount } from "./blob-account.ts";
import { MAX_NOTES } from "./limits.ts";
import { OriginBook } from "./origin-book.ts";
import { ReaderWaits } from "./reader-waits.ts";
import { SourceReadBook } from "./source-read-book.ts";
import { TransferTrail } from "./transfer-trail.ts";

type Started = Extract<PeerEvent, { type: "peer-started" }>;

/** Writes the account of one running peer, from nothing but its core's events and effects. */
export class BlobRecorder {
  readonly #started: Started;
  readonly #began: string;
  readonly #startedAt: number;
  readonly #origins: OriginBook;
  readonly #waits = new ReaderWaits();
  readonly #reads: SourceReadBook;
  readonly #trail = new TransferTrail();
  readonly #notes: AccountNote[] = [];
  #notesLeftOut = 0;
  #have: PieceSet;
  readonly #heldBefore: number;
  #state: BlobAccount["state"] = "fetching";
  #access: BlobAccount["access"];
  #standing = "";
  #firstMs: number | null = null;
  #lastMs: number | null = null;
  #provenMs: number | null = null;
  #overMs: number | null = null;
  readonly #grants = { fromHosts: 0, stripes: 0, revoked: 0 };
  readonly #readers = { opened: 0, failed: 0 };

  constructor(started: Started, began: string, now: number) {
    this.#started = started;
    this.#began = began;
    this.#startedAt = now;
    this.#access = started.access;
    this.#have = started.have.clone();
    this.#heldBefore = started.have.count;
    this.#origins = new OriginBook(started.task, started.have.size);
    this.#reads = new SourceReadBook(started.task);
    if (!started.schedulerLive) this.#note("no-scheduler", "", 0);
  }

  get task(): Task {
    return this.#started.task;
  }

  /** Takes in what happened and what the core wants done about it. */
  note(event: PeerEvent, effects: readonly PeerEffect[], now: number): void {
    const atMs = now - this.#startedAt;
    this.#hear(event, atMs);
    for (const effect of effects) this.#see(effect, atMs);
  }

  account(now: number): BlobAccount {
    const { task, registry, priority, have } = this.#started;
    const atMs = this.#overMs ?? now - this.#startedAt;
    const { origins, leftOut } = this.#origins.accounts();
    return {
      digest: task.digest,
      bytes: task.size,
      pieces: have.size,
      pieceBytes: pieceLength(task.size),
      registry,
      access: this.#access,
      priority,
      began: this.#began,
      state: this.#state,
      held: this.#have.count,
      heldBefore: this.#heldBefore,
      ms: { total: atMs, firstPiece: this.#firstMs, lastPiece: this.#lastMs, proof: this.#proofMs(), waited: this.#waits.waitedMs(atMs) },
      origins,
      sourceReads: this.#reads.reads,
      grants: { ...this.#grants },
      readers: { ...this.#readers },
      waits: [...this.#waits.longest],
      notes: [...this.#notes],
      leftOut: { ...leftOut, sourceReads: this.#reads.leftOut, notes: this.#notesLeftOut },
    };
  }

  /** The peer is over, for a reason its core may not know of. */
  end(now: number): void {
    this.#overMs ??= now - this.#startedAt;
    if (this.#state !== "complete") this.#state = "over";
  }

  #proofMs(): number | null {
    return this.#provenMs === null ? null : this.#provenMs - (this.#lastMs ?? 0);
  }

  #hear(event: PeerEvent, atMs: number): void {
    switch (event.type) {
      case "reader-opened":
        this.#readers.opened += 1;
        this.#waits.opened(event.reader, event.next, event.end, this.#have, atMs);
        return;
      case "reader-advanced":
        this.#waits.advanced(event.reader, event.next, this.#have, atMs);
        return;
      case "reader-closed":
        this.#waits.closed(event.reader, atMs);
        return;
      case "grant-received": {
        const { grant, parent, run } = event.grant;
        this.#grants[parent === undefined ? "stripes" : "fromHosts"] += 1;
        this.#trail.granted(grant, parent?.host ?? "source", run);
        return;
      }
      case "grant-revoked":
        this.#grants.revoked += 1;
        this.#trail.revoked(event.grant, this.#have);
        return;
      case "piece-landed":
        this.#trail.landed(event.piece, event.transfer);
        return;
      case "transfer-ended":
        this.#endTransfer(event.transfer, event.failure?.code, atMs);
        return;
      case "standing-told":
        if (event.standing !== this.#standing) this.#note(event.standing, "", atMs);
        this.#standing = event.standing;
        return;
      case "access-changed":
        this.#access = event.access;
        return;
      case "proof-succeeded":
        this.#provenMs = atMs;
        return;
      case "priority-raised":
      case "scheduler-found":
      case "scheduler-lost":
      case "restart-ordered":
      case "proof-failed":
        this.#note(event.type, "", atMs);
        return;
      case "peer-started":
      case "table-received":
      case "time-passed":
    }
  }

  #see(effect: PeerEffect, atMs: number): void {
    switch (effect.type) {
      case "fetch-pieces":
        this.#trail.began(effect.transfer, effect.parent.host, effect.run);
        this.#origins.asked(effect.parent.host, effect.parent.address);
        return;
      case "read-source":
        this.#reads.began(effect.transfer, effect.run, effect.cause, this.#trail.whyMissing(effect.run.first), atMs);
        this.#trail.began(effect.transfer, "source", effect.run);
        this.#origins.asked("source", "");
        return;
      case "cancel-transfer":
        this.#reads.ended(effect.transfer, "cancelled", atMs);
        return;
      case "accept-pieces":
        for (const { piece } of effect.pieces) this.#accept(piece, atMs);
        return;
      case "refuse-piece":
        this.#origins.refused(effect.from);
        this.#note("piece-refused", `piece ${String(effect.piece)} from ${effect.from}`, atMs);
        return;
      case "finish-proof":
        this.#state = "proving";
        return;
      case "complete-blob":
        this.#state = "complete";
        return;
      case "drop-blob":
        this.#state = "fetching";
        this.#have = new PieceSet(this.#have.size);
        this.#note("dropped", `${String(this.#started.task.size)} bytes do not have the digest`, atMs);
        return;
      case "fail-readers":
        this.#readers.failed += effect.readers.length;
        this.#note("readers-failed", effect.reason, atMs);
        for (const reader of effect.readers) this.#waits.closed(reader, atMs);
        return;
      case "tell-scheduler":
      case "end-peer":
    }
  }

  #accept(piece: number, atMs: number): void {
    const { transfer, from = "source" } = this.#trail.take(piece);
    this.#have.add(piece);
    this.#firstMs ??= atMs;
    this.#lastMs = atMs;
    this.#origins.gave(from, piece, atMs);
    this.#reads.gave(transfer, piece);
    this.#waits.came(piece, from, atMs);
  }

  #endTransfer(transfer: number, failure: string | undefined, atMs: number): void {
    this.#reads.ended(transfer, failure ?? "done", atMs);
    const from = this.#trail.originOf(transfer);
    if (failure === undefined || from === undefined) return;
    this.#origins.failed(from, failure);
    this.#trail.failed(transfer, failure, this.#have);
  }

  #note(what: string, detail: string, atMs: number): void {
    if (this.#notes.length < MAX_NOTES) this.#notes.push({ atMs, what, detail });
    else this.#notesLeftOut += 1;
  }
}
