import { piecesOf, type PieceHash } from "@darner/domain";
import {
  DEFAULT_LIMITS,
  Peer,
  type PeerEffect,
  type PeerEvent,
  type PeerReport,
  type SourceCause,
  type TransferFailure,
} from "@darner/peer-core";
import type { Happening } from "../engine/timeline.ts";
import type { VirtualClock } from "../engine/virtual-clock.ts";
import type { PullRecord } from "../report/pull-records.ts";
import { Violation, type HostInWorld, type World } from "../world.ts";
import { pieceHash, type SimulatedBlob } from "./blob.ts";
import { PieceTransfer, type TransferListener } from "./piece-transfer.ts";
import type { StoredBlob } from "./stored-blob.ts";

// A proof is one pass of sha256 that ends soon after the last byte.
const PROOF_MS = 1;
const READER = 1;
const REGISTRY = "registry.example";
// How long a daemon tries to reach a host that does not answer at all.
const CONNECT_MS = 3000;
// Where not every peer is looked at after every event, each of them is after so many of its own.
const CHECK_EVERY_EVENTS = 256;

/** What a pull needs of the host it runs on. */
export interface PullingHost extends HostInWorld {
  readonly clock: VirtualClock;
  readonly isSeed: boolean;
  /** Whether it follows a scheduler. */
  readonly hasScheduler: boolean;
  /** For how long it has followed none, where it did before. */
  readonly lostForMs: number | undefined;
  /** Whether somebody waits for what it pulls. */
  readonly isReading: boolean;
  accept(stored: StoredBlob, pieces: readonly PieceHash[]): void;
  dropBlob(stored: StoredBlob): void;
  report(blob: SimulatedBlob, report: PeerReport): void;
  peerEnded(blob: SimulatedBlob): void;
  noteSourceRead(cause: SourceCause, pieces: number): void;
}

/**
 * One host's pull of one blob: the body of the real peer core, with one reader that takes the blob in order. It is itself what is
 * planned for its deadline.
 */
export class Pull implements TransferListener, Happening {
  readonly record: PullRecord;
  readonly #world: World;
  readonly #host: PullingHost;
  readonly #stored: StoredBlob;
  readonly #peer: Peer;
  readonly #name: string;
  readonly #transfers = new Map<number, PieceTransfer>();
  // Events that arise while effects are carried out: a core is never entered twice.
  readonly #queue: PeerEvent[] = [];
  #isBusy = false;
  #wakesAt = Infinity;
  #handled = 0;
  #isOver = false;

  constructor(world: World, host: PullingHost, stored: StoredBlob) {
    const { blob } = stored;
    this.#world = world;
    this.#host = host;
    this.#stored = stored;
    this.#name = `${host.id}/${String(blob.number)}`;
    this.#peer = new Peer(DEFAULT_LIMITS, world.dice(`peer/${String(host.number)}/${String(blob.number)}`));
    this.record = world.records.begin(host.number, blob, host.isReading, world.timeline.now, stored.have.count);
  }

  start(): void {
    const { scenario } = this.#world;
    const { blob, have } = this.#stored;
    const { lostForMs } = this.#host;
    this.post({
      type: "peer-started",
      task: blob.task,
      registry: REGISTRY,
      access: scenario.access[this.#host.number] ?? "caller",
      sequential: false,
      priority: this.#host.isReading ? "reader" : "preheat",
      have: have.clone(),
      schedulerLive: this.#host.hasScheduler,
      ...(lostForMs === undefined ? {} : { lostForMs }),
    });
    if (this.#host.isReading) this.post({ type: "reader-opened", reader: READER, next: 0, end: blob.pieces });
  }

  /** Gives an event to the core and carries out what it wants, before it returns. */
  post(event: PeerEvent): void {
    if (this.#isOver || !this.#host.isAlive) return;
    this.#queue.push(event);
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#handle(next);
    this.#isBusy = false;
    this.#arm();
  }

  /** The clock went ahead: a deadline may have come. */
  clockJumped(): void {
    this.#wakesAt = Infinity;
    this.#arm();
  }

  /** Ends whatever runs: the process is gone. */
  stop(): void {
    this.#isOver = true;
    for (const transfer of [...this.#transfers.keys()]) this.#cancel(transfer);
  }

  pieceLanded(transfer: number, piece: number, isWrong: boolean): void {
    this.post({ type: "piece-landed", transfer, piece, hash: pieceHash(this.#stored.blob, piece, isWrong) });
  }

  transferEnded(transfer: number, failure: TransferFailure | undefined): void {
    this.#transfers.delete(transfer);
    this.post(failure === undefined ? { type: "transfer-ended", transfer } : { type: "transfer-ended", transfer, failure });
  }

  /** Looks whether what the peer remembers holds together. */
  checkInvariants(): void {
    this.#peer.checkInvariants();
  }

  #handle(event: PeerEvent): void {
    if (this.#isOver) return;
    const { timeline, trace, stopwatch, isCheckedAlways } = this.#world;
    trace.note(timeline.now, this.#name, "<", event);
    const since = stopwatch.beginSample();
    const effects = this.#peer.handle(event, this.#host.clock.now);
    stopwatch.bookSample("peer-core", since);
    this.#handled += 1;
    if (isCheckedAlways || this.#handled % CHECK_EVERY_EVENTS === 0) this.#check();
    for (const effect of effects) {
      trace.note(timeline.now, this.#name, ">", effect);
      this.#perform(effect);
    }
  }

  #check(): void {
    const since = performance.now();
    this.#peer.checkInvariants();
    this.#world.stopwatch.book("checks", since);
  }

  #perform(effect: PeerEffect): void {
    switch (effect.type) {
      case "fetch-pieces":
        this.#fetch(effect);
        return;
      case "read-source":
        this.#readSource(effect);
        return;
      case "cancel-transfer":
        this.#cancel(effect.transfer);
        return;
      case "accept-pieces":
        this.#accept(effect.pieces);
        return;
      case "tell-scheduler":
        this.#host.report(this.#stored.blob, effect.report);
        return;
      case "finish-proof":
        this.#world.timeline.after(PROOF_MS, () => {
          this.post({ type: this.#isAllRight() ? "proof-succeeded" : "proof-failed" });
        });
        return;
      case "drop-blob":
        this.#host.dropBlob(this.#stored);
        this.record.dropped(this.#world.timeline.now);
        return;
      case "fail-readers":
        this.#world.records.failed(this.record, effect.reason);
        return;
      case "complete-blob":
        this.#complete();
        return;
      case "end-peer":
        this.stop();
        this.#host.peerEnded(this.#stored.blob);
        return;
      case "refuse-piece":
    }
  }

  #fetch({ transfer: number, parent: { host }, run }: Extract<PeerEffect, { type: "fetch-pieces" }>): void {
    const { timeline, scenario } = this.#world;
    const pieces = piecesOf(run).filter((piece) => !this.#stored.have.has(piece));
    const transfer = new PieceTransfer(number, this.#stored.blob, pieces, this, host);
    this.#transfers.set(number, transfer);
    timeline.at(timeline.now + scenario.latencyMs, transfer);
  }

  transferAsked(transfer: PieceTransfer): void {
    const { timeline, scenario } = this.#world;
    const parent = this.#parentOf(transfer);
    if (parent?.isAlive === true) parent.serve(transfer, this.#host);
    else timeline.after(parent?.isSilent === true ? CONNECT_MS : scenario.latencyMs, () => transfer.end({ code: "channel-lost" }));
  }

  #parentOf({ parent }: PieceTransfer): HostInWorld | undefined {
    return parent === undefined ? undefined : this.#world.hosts.get(parent);
  }

  #readSource({ transfer: number, run, cause }: Extract<PeerEffect, { type: "read-source" }>): void {
    this.#host.noteSourceRead(cause, run.count);
    const transfer = new PieceTransfer(number, this.#stored.blob, piecesOf(run), this, undefined);
    this.#transfers.set(number, transfer);
    this.#world.source.read(transfer, this.#host);
  }

  #cancel(number: number): void {
    const transfer = this.#transfers.get(number);
    if (transfer === undefined) return;
    this.#transfers.delete(number);
    transfer.cancel();
    this.#parentOf(transfer)?.stopServing(transfer);
  }

  #accept(pieces: readonly PieceHash[]): void {
    this.#host.accept(this.#stored, pieces);
    if (this.record.holds(this.#stored.have, this.#world.timeline.now) && this.#host.isReading)
      this.post({ type: "reader-advanced", reader: READER, next: this.record.prefix });
  }

  #isAllRight(): boolean {
    return this.#stored.have.isFull && this.#stored.wrong.size === 0;
  }

  /** The reader gets its last byte here. */
  #complete(): void {
    if (!this.#isAllRight()) throw new Violation(`${this.#name} completed a blob with wrong bytes`);
    this.#stored.isProven = true;
    this.#world.records.completed(this.record, this.#world.timeline.now);
  }

  /** Wakes the core when its deadline has come, unless something happened before that moved it. */
  #arm(): void {
    const due = this.#isOver ? undefined : this.#peer.nextDeadline();
    if (due === undefined) return;
    const { timeline } = this.#world;
    const at = timeline.now + Math.max(0, due - this.#host.clock.now);
    if (at >= this.#wakesAt) return;
    this.#wakesAt = at;
    timeline.at(at, this);
  }

  /** A deadline may have come: the last one that was planned, or one that was moved since. */
  happen(): void {
    if (this.#wakesAt !== this.#world.timeline.now) return;
    this.#wakesAt = Infinity;
    const isDue = !this.#isOver && (this.#peer.nextDeadline() ?? Infinity) <= this.#host.clock.now;
    if (isDue) this.post({ type: "time-passed" });
    else this.#arm();
  }
}
