import { hostIdOf, PieceSet, type HostId, type PieceHash, type SwarmStanding, type Task, type TaskId } from "@darner/domain";
import type { PeerReport, SourceCause } from "@darner/peer-core";
import { reportedEvent, type SchedulerEffect, type SchedulerEvent } from "@darner/scheduler-core";
import { VirtualClock } from "../engine/virtual-clock.ts";
import { revive, type Lane, type Station } from "../network/station.ts";
import type { PullRecord } from "../report/pull-records.ts";
import { Violation, type HostInWorld, type SchedulerInWorld, type World } from "../world.ts";
import { isRight, pieceBytes, type SimulatedBlob } from "./blob.ts";
import { Conduct } from "./conduct.ts";
import type { PieceTransfer } from "./piece-transfer.ts";
import { Pull, type PullingHost } from "./pull.ts";
import { SchedulerLink, type LinkedHost } from "./scheduler-link.ts";
import { SILENT_MS } from "./silence.ts";
import { emptyEntry, type StoredBlob } from "./stored-blob.ts";

const REGISTRY = "registry.example";
/** Why a pull ended whose host's process died. */
export const KILLED = "killed";

type Announced = Extract<SchedulerEvent, { type: "blob-announced" }>;

/** How a host is begun. */
export type HostPlan = { readonly number: number; readonly station: Station; readonly isSeed: boolean; readonly isReading: boolean };

/** One daemon: a store, a link, pulls, and the pieces it serves to others. */
export class SimulatedHost implements PullingHost, LinkedHost {
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
  readonly sourcePieces: Map<SourceCause | "split-view", number> = new Map<SourceCause | "split-view", number>();
  readonly #world: World;
  readonly #stored = new Map<TaskId, StoredBlob>();
  readonly #pulls = new Map<TaskId, Pull>();
  /** Undefined before the process begins, and while it is gone. */
  #link: SchedulerLink | undefined;
  #lives = 0;
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

  /** The process begins: it looks for its schedulers. */
  start(): void {
    if (!this.isAlive) return;
    this.#lives += 1;
    const { timeline, schedulers } = this.#world;
    const dice = this.#world.dice(`link/${String(this.number)}/${String(this.#lives)}`);
    this.#link = new SchedulerLink({ timeline, dice, schedulers, host: this });
    this.#link.start();
  }

  get hasScheduler(): boolean {
    return this.#link?.isLive === true;
  }

  get lostForMs(): number | undefined {
    return this.#link?.lostForMs;
  }

  missScheduler(scheduler: SchedulerInWorld): void {
    this.#link?.missed(scheduler);
  }

  greeting(): SchedulerEvent {
    const { id: host, isSeed: seed } = this;
    return { type: "host-joined", host, address: `${host}:4102`, zone: this.station.rack?.name ?? "", seed };
  }

  holdings(): Announced[] {
    if (this.conduct.isClaiming) return this.#world.blobs.map(({ task, pieces }) => this.#announced(task, PieceSet.full(pieces), false));
    const held = [...this.#stored.values()].filter(({ have }) => have.count > 0);
    return held.map(({ blob, have, isProven }) => this.#announced(blob.task, have.clone(), isProven));
  }

  holdingOf(task: TaskId): Announced | undefined {
    const stored = this.#stored.get(task);
    if (stored === undefined || stored.have.count === 0) return undefined;
    return this.#announced(stored.blob.task, stored.have.clone(), stored.isProven);
  }

  closing(task: TaskId): SchedulerEvent {
    const stored = this.#stored.get(task);
    if (stored === undefined) throw new Violation(`${this.id} closes what it never wanted`);
    return { type: "peer-closed", host: this.id, task: stored.blob.task };
  }

  schedulerFound(): void {
    for (const pull of this.#pulls.values()) pull.post({ type: "scheduler-found" });
  }

  schedulerLost(): void {
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
    const { schedulers, timeline, scenario, records } = this.#world;
    this.isAlive = false;
    this.#link?.stop();
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
    for (const scheduler of schedulers) scheduler.lose(this, noticedMs);
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
      this.start();
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
    for (const holding of this.holdings()) this.#link?.announce(holding);
  }

  /** Its clock goes ahead at once, or stands still for a while. */
  jump(byMs: number): void {
    this.clock.jump(byMs);
    for (const pull of this.#pulls.values()) pull.clockJumped();
  }

  hearStanding(scheduler: SchedulerInWorld, standing: SwarmStanding): void {
    this.#link?.heardStanding(scheduler, standing);
  }

  hear(scheduler: SchedulerInWorld, effect: SchedulerEffect): void {
    if (this.#link?.isFollowed(scheduler) !== true) return;
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
    this.#link?.report(blob.id, reportedEvent(this.id, blob.task, report));
  }

  peerEnded(blob: SimulatedBlob): void {
    this.#pulls.delete(blob.id);
  }

  noteSourceRead(told: SourceCause, pieces: number): void {
    const cause = told === "granted" && this.#link?.isSplit === true ? "split-view" : told;
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
    this.#link?.report(stored.blob.id, { type: "table-told", host: this.id, task, hashes });
  }

  #announced(task: Task, have: PieceSet, proven: boolean): Announced {
    return { type: "blob-announced", host: this.id, task, have, proven, registry: REGISTRY };
  }

  #entry(blob: SimulatedBlob): StoredBlob {
    const known = this.#stored.get(blob.id) ?? emptyEntry(blob);
    this.#stored.set(blob.id, known);
    return known;
  }
}
