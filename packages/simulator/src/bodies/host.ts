import { hostIdOf, PieceSet, type HostId, type PieceHash, type TaskId } from "@darner/domain";
import type { PeerReport, SourceCause } from "@darner/peer-core";
import type { SchedulerEffect } from "@darner/scheduler-core";
import type { Lane, Station } from "../network/station.ts";
import type { PullRecord } from "../report/pull-records.ts";
import { Violation, type HostInWorld, type World } from "../world.ts";
import { isRight, pieceBytes, type SimulatedBlob } from "./blob.ts";
import { asSchedulerEvent } from "./messages.ts";
import type { PieceTransfer } from "./piece-transfer.ts";
import { Pull, type PullingHost } from "./pull.ts";
import { emptyEntry, type StoredBlob } from "./stored-blob.ts";

const REGISTRY = "registry.example";

/** One daemon: a store, a link, pulls, and the pieces it serves to others. */
export class SimulatedHost implements PullingHost {
  readonly id: HostId;
  readonly number: number;
  readonly station: Station;
  isAlive = true;
  /** Whatever it sends has one byte wrong. */
  isLying = false;
  readonly records: PullRecord[] = [];
  /** Pieces read from the source, by cause. */
  readonly sourcePieces: Map<SourceCause, number> = new Map<SourceCause, number>();
  readonly #world: World;
  readonly #stored = new Map<TaskId, StoredBlob>();
  readonly #pulls = new Map<TaskId, Pull>();
  /** One connection to each child. */
  readonly #lanes = new Map<HostInWorld, Lane>();

  constructor(world: World, number: number, station: Station) {
    this.#world = world;
    this.number = number;
    this.id = hostIdOf(`host-${String(number).padStart(5, "0")}`);
    this.station = station;
  }

  get clock(): number {
    return this.#world.timeline.now;
  }

  /** Begins a session with the scheduler: what is held is announced, peers open again. */
  joinScheduler(): void {
    const { scheduler } = this.#world;
    if (!this.isAlive || !scheduler.isLive) return;
    scheduler.tell(this, { type: "host-joined", host: this.id, address: `${this.id}:4102`, zone: "", seed: false });
    for (const { blob, have, isProven: proven } of this.#stored.values()) {
      if (have.count === 0) continue;
      scheduler.tell(this, { type: "blob-announced", host: this.id, task: blob.task, have: have.clone(), proven, registry: REGISTRY });
    }
    for (const pull of this.#pulls.values()) pull.post({ type: "scheduler-found" });
  }

  loseScheduler(): void {
    for (const pull of this.#pulls.values()) pull.post({ type: "scheduler-lost" });
  }

  /** Holds a blob, proven, before anything happens. */
  preload(blob: SimulatedBlob): void {
    this.#stored.set(blob.id, { ...emptyEntry(blob), have: PieceSet.full(blob.pieces), isProven: true });
  }

  pull(blob: SimulatedBlob): void {
    const stored = this.#entry(blob);
    if (!this.isAlive || stored.isProven) return;
    const pull = new Pull(this.#world, this, stored);
    this.#pulls.set(blob.id, pull);
    this.records.push(pull.record);
    pull.start();
  }

  /** The process dies: its channels break, its session ends. */
  kill(): void {
    const { scheduler, timeline, scenario, records } = this.#world;
    this.isAlive = false;
    this.station.isDead = true;
    for (const pull of this.#pulls.values()) {
      pull.stop();
      records.failed(pull.record, "killed");
    }
    for (const { serving } of this.#stored.values()) {
      for (const transfer of serving) timeline.after(scenario.latencyMs, () => transfer.end({ code: "channel-lost" }));
      serving.clear();
    }
    scheduler.lose(this);
  }

  /** What the scheduler wants of this host. */
  hear(effect: SchedulerEffect): void {
    if (!this.isAlive) return;
    const blob = this.#world.blobs.find(({ task }) => task.digest === effect.task.digest);
    const pull = blob === undefined ? undefined : this.#pulls.get(blob.id);
    switch (effect.type) {
      case "ask-table":
        this.#tellTable(blob);
        return;
      case "grant-pieces": {
        const { grant, parent: host, address, run } = effect;
        pull?.post({ type: "grant-received", grant: { grant, parent: { host, address }, run } });
        return;
      }
      case "grant-stripe":
        pull?.post({ type: "grant-received", grant: { grant: effect.grant, run: effect.run } });
        return;
      case "revoke-grant":
        pull?.post({ type: "grant-revoked", grant: effect.grant });
        return;
      case "send-table":
        pull?.post({ type: "table-received", hashes: effect.hashes });
        return;
      case "tell-standing":
        pull?.post({ type: "standing-told", standing: effect.standing, retryAfterMs: effect.retryAfterMs });
        return;
      case "restart-peer":
        pull?.post({ type: "restart-ordered" });
        return;
      case "name-fault":
    }
  }

  serve(transfer: PieceTransfer, child: HostInWorld): void {
    const { blob, pieces } = transfer;
    const { timeline, scenario, network } = this.#world;
    const stored = this.#stored.get(blob.id);
    if (stored === undefined || pieces.length === 0) {
      timeline.after(scenario.latencyMs, () => transfer.end(stored === undefined ? { code: "parent-refused" } : undefined));
      return;
    }
    const lane = this.#lanes.get(child) ?? network.open(this.station, child.station, 0, blob.pieceBytes);
    this.#lanes.set(child, lane);
    transfer.lane = lane;
    stored.serving.add(transfer);
    for (const piece of pieces) {
      if (stored.have.has(piece)) this.#send(stored, transfer, piece);
      else (stored.waiting[piece] ??= []).push(transfer);
    }
  }

  stopServing(transfer: PieceTransfer): void {
    this.#stored.get(transfer.blob.id)?.serving.delete(transfer);
  }

  /** Pieces are verified here: stored, and sent to those who wait for them. */
  accept(stored: StoredBlob, pieces: readonly PieceHash[]): void {
    for (const { piece, hash } of pieces) {
      stored.have.add(piece);
      if (!isRight(hash)) stored.wrong.add(piece);
      const waiting = stored.waiting[piece];
      if (waiting === undefined) continue;
      stored.waiting[piece] = undefined;
      for (const transfer of waiting) if (!transfer.isOver) this.#send(stored, transfer, piece);
    }
  }

  dropBlob(stored: StoredBlob): void {
    stored.have = new PieceSet(stored.blob.pieces);
    stored.wrong.clear();
    stored.waiting.length = 0;
    const { timeline, scenario } = this.#world;
    for (const transfer of stored.serving) timeline.after(scenario.latencyMs, () => transfer.end({ code: "parent-refused" }));
    stored.serving.clear();
  }

  report(blob: SimulatedBlob, report: PeerReport): void {
    this.#world.scheduler.tell(this, asSchedulerEvent(this.id, blob.task, report));
  }

  peerEnded(blob: SimulatedBlob): void {
    this.#pulls.delete(blob.id);
  }

  noteSourceRead(cause: SourceCause, pieces: number): void {
    this.sourcePieces.set(cause, (this.sourcePieces.get(cause) ?? 0) + pieces);
  }

  /** Looks at every peer of this host. */
  checkInvariants(): void {
    for (const pull of this.#pulls.values()) pull.checkInvariants();
  }

  #send(stored: StoredBlob, transfer: PieceTransfer, piece: number): void {
    const { blob, have, wrong } = stored;
    if (!have.has(piece)) throw new Violation(`${this.id} offers piece ${String(piece)}, which it has not verified`);
    const parcel = { to: transfer, piece, bytes: pieceBytes(blob, piece), isWrong: this.isLying || wrong.has(piece) };
    if (transfer.lane !== undefined) this.#world.network.offer(transfer.lane, parcel);
  }

  #tellTable(blob: SimulatedBlob | undefined): void {
    const stored = blob === undefined ? undefined : this.#stored.get(blob.id);
    if (stored === undefined) return;
    const { task, rightHashes, wrongHashes } = stored.blob;
    const hashes: PieceHash[] = [];
    for (const piece of stored.have) {
      const hash = (stored.wrong.has(piece) ? wrongHashes : rightHashes)[piece];
      if (hash !== undefined) hashes.push({ piece, hash });
    }
    this.#world.scheduler.tell(this, { type: "table-told", host: this.id, task, hashes });
  }

  #entry(blob: SimulatedBlob): StoredBlob {
    const known = this.#stored.get(blob.id) ?? emptyEntry(blob);
    this.#stored.set(blob.id, known);
    return known;
  }
}
