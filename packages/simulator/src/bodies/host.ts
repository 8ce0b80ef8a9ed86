import { hostIdOf, PieceSet, type HostId, type PieceHash, type TaskId } from "@darner/domain";
import type { PeerReport, SourceCause } from "@darner/peer-core";
import type { SchedulerEffect } from "@darner/scheduler-core";
import { VirtualClock } from "../engine/virtual-clock.ts";
import { revive, type Lane, type Station } from "../network/station.ts";
import type { PullRecord } from "../report/pull-records.ts";
import { Violation, type HostInWorld, type World } from "../world.ts";
import { isRight, pieceBytes, type SimulatedBlob } from "./blob.ts";
import { Conduct } from "./conduct.ts";
import { asSchedulerEvent } from "./messages.ts";
import type { PieceTransfer } from "./piece-transfer.ts";
import { Pull, type PullingHost } from "./pull.ts";
import { emptyEntry, type StoredBlob } from "./stored-blob.ts";

const REGISTRY = "registry.example";
// How long a daemon or a scheduler waits for a sign of life.
const SILENT_MS = 5000;
/** Why a pull ended whose host's process died. */
export const KILLED = "killed";

/** How a host is begun. */
export type HostPlan = { readonly number: number; readonly station: Station; readonly isSeed: boolean; readonly isReading: boolean };

/** One daemon: a store, a link, pulls, and the pieces it serves to others. */
export class SimulatedHost implements PullingHost {
  readonly id: HostId;
  readonly number: number;
  readonly station: Station;
  isAlive = true;
  isSilent = false;
  readonly isSeed: boolean;
  readonly isReading: boolean;
  readonly clock: VirtualClock;
  readonly conduct: Conduct;
  readonly records: PullRecord[] = [];
  /** Pieces read from the source, by cause. */
  readonly sourcePieces: Map<SourceCause, number> = new Map<SourceCause, number>();
  readonly #world: World;
  readonly #stored = new Map<TaskId, StoredBlob>();
  readonly #pulls = new Map<TaskId, Pull>();
  /** One connection to each child. */
  readonly #lanes = new Map<HostInWorld, Lane>();

  constructor(world: World, { number, station, isSeed, isReading }: HostPlan) {
    this.#world = world;
    this.number = number;
    this.isSeed = isSeed;
    this.isReading = isReading;
    this.clock = new VirtualClock(world.timeline);
    this.conduct = new Conduct(world.dice(`conduct/${String(number)}`));
    this.id = hostIdOf(`host-${String(number).padStart(5, "0")}`);
    this.station = station;
  }

  /** Begins a session with the scheduler: what is held is announced, peers open again. */
  joinScheduler(): void {
    const { scheduler } = this.#world;
    if (!this.isAlive || !scheduler.isLive) return;
    scheduler.tell(this, {
      type: "host-joined",
      host: this.id,
      address: `${this.id}:4102`,
      zone: this.station.rack?.name ?? "",
      seed: this.isSeed,
    });
    if (this.conduct.isClaiming) this.claim();
    for (const { blob, have, isProven: proven } of this.#stored.values()) {
      if (have.count === 0 || this.conduct.isClaiming) continue;
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

  /** The process dies: its channels break and its session ends, at once or, where nobody is told, after a time of silence. */
  kill(how: "told" | "silent"): void {
    if (!this.isAlive) return;
    const { scheduler, timeline, scenario, records } = this.#world;
    this.isAlive = false;
    this.isSilent = how === "silent";
    this.station.isDead = true;
    for (const pull of this.#pulls.values()) {
      pull.stop();
      records.failed(pull.record, KILLED);
    }
    const noticedMs = how === "told" ? scenario.latencyMs : SILENT_MS;
    for (const { serving, waiting } of this.#stored.values()) {
      for (const transfer of serving)
        timeline.after(noticedMs, () => transfer.end({ code: how === "told" ? "channel-lost" : "parent-silent" }));
      serving.clear();
      waiting.fill(undefined);
    }
    scheduler.lose(this, noticedMs);
  }

  /** The process dies and comes back later with what its disk holds; what it pulled is asked for again. */
  restart(downMs: number): void {
    if (!this.isAlive) return;
    const { records, timeline } = this.#world;
    const wanted = [...this.#pulls.values()].map(({ record }) => record.blob);
    this.kill("told");
    this.#pulls.clear();
    this.#lanes.clear();
    records.planned += 1;
    timeline.after(downMs, () => {
      records.planned -= 1;
      this.isAlive = true;
      revive(this.station);
      this.joinScheduler();
      for (const blob of wanted) this.pull(blob);
    });
  }

  /** Takes every request and sends nothing for so long; children that hear nothing give up. */
  stall(forMs: number): void {
    const { timeline } = this.#world;
    const until = timeline.now + forMs;
    this.conduct.stalledUntil = until;
    this.station.up.freeAt = Math.max(this.station.up.freeAt, until);
    for (const { serving } of this.#stored.values()) for (const transfer of serving) this.#fallSilent(transfer);
  }

  /** From now on it says that it holds every blob. */
  claim(): void {
    this.conduct.isClaiming = true;
    const { scheduler, blobs } = this.#world;
    for (const { task, pieces } of blobs) {
      const have = PieceSet.full(pieces);
      scheduler.tell(this, { type: "blob-announced", host: this.id, task, have, proven: false, registry: REGISTRY });
    }
  }

  /** Its clock goes ahead at once, or stands still for a while. */
  jump(byMs: number): void {
    this.clock.jump(byMs);
    for (const pull of this.#pulls.values()) pull.clockJumped();
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
        pull?.post({ type: "grant-received", grant: { grant: effect.grant, run: effect.run, connections: effect.connections } });
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
    const stored = this.conduct.isClaiming ? this.#entry(blob) : this.#stored.get(blob.id);
    if (stored === undefined || pieces.length === 0) {
      timeline.after(scenario.latencyMs, () => transfer.end(stored === undefined ? { code: "parent-refused" } : undefined));
      return;
    }
    const lane = this.#lanes.get(child) ?? network.open(this.station, child.station, 0, blob.pieceBytes);
    this.#lanes.set(child, lane);
    transfer.lane = lane;
    stored.serving.add(transfer);
    if (this.conduct.stalledUntil > timeline.now) this.#fallSilent(transfer);
    for (const piece of pieces) {
      if (stored.have.has(piece)) this.#send(stored, transfer, piece);
      else if (!this.conduct.isClaiming) (stored.waiting[piece] ??= []).push(transfer);
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
    stored.waiting.fill(undefined);
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
    const parcel = { to: transfer, piece, bytes: pieceBytes(blob, piece), isWrong: wrong.has(piece) || this.conduct.sendsWrong() };
    if (transfer.lane !== undefined) this.#world.network.offer(transfer.lane, parcel);
  }

  /** A child that hears nothing of a stalled host gives its transfer up. */
  #fallSilent(transfer: PieceTransfer): void {
    const { timeline } = this.#world;
    timeline.after(SILENT_MS, () => {
      if (this.conduct.stalledUntil > timeline.now) transfer.end({ code: "parent-silent" });
    });
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
