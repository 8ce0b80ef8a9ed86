import { hostIdOf, PieceSet, taskId, type HostId, type PieceHash, type TaskId } from "@darner/domain";
import type { PeerEffect, PeerEvent, SourceCause, TransferFailure } from "@darner/peer-core";
import type { SchedulerEffect } from "@darner/scheduler-core";
import { isRight, pieceBytes, pieceHash, type SimulatedBlob } from "./blob.ts";
import { newStation, type Flow, type Station } from "./network.ts";
import { SimulatedPull, type PullingHost } from "./simulated-pull.ts";
import { emptyEntry, type StoredBlob } from "./stored-blob.ts";
import type { HostInWorld, ServeRequest, World } from "./world.ts";

/** How one pull went. */
export type PullOutcome = {
  readonly blob: SimulatedBlob;
  readonly beganAt: number;
  endedAt: number | undefined;
  failure: string | undefined;
};

/** A transfer this host serves: which pieces the child still waits for. */
type Serving = { readonly flow: Flow; readonly waiting: Set<number>; readonly lied: Set<number> };

type Fetch = Extract<PeerEffect, { type: "fetch-pieces" }>;

/** One daemon: a store, a link, pulls, and the pieces it serves to others. */
export class SimulatedHost implements HostInWorld, PullingHost {
  readonly id: HostId;
  readonly number: number;
  readonly station: Station;
  isAlive = true;
  readonly outcomes: PullOutcome[] = [];
  /** Pieces read from the source, by cause. */
  readonly sourcePieces: Map<SourceCause, number> = new Map<SourceCause, number>();
  readonly #world: () => World;
  readonly #stored = new Map<TaskId, StoredBlob>();
  readonly #pulls = new Map<TaskId, SimulatedPull>();
  readonly #serving = new Map<TaskId, Set<Serving>>();
  /** What to tell those whose transfers this host serves, if it dies. */
  readonly #broken = new Set<() => void>();

  constructor(world: () => World, number: number) {
    this.#world = world;
    this.number = number;
    this.id = hostIdOf(`host-${String(number).padStart(5, "0")}`);
    const { upBytesPerSecond, downBytesPerSecond } = world().scenario;
    this.station = newStation(upBytesPerSecond, downBytesPerSecond);
  }

  /** Begins a session with the scheduler: what is held is announced, peers open again. */
  joinScheduler(): void {
    const { scheduler } = this.#world();
    if (!this.isAlive || !scheduler.isLive) return;
    scheduler.tell({ type: "host-joined", host: this.id, address: `${this.id}:4102`, zone: "", seed: false });
    for (const [id, stored] of this.#stored) {
      const blob = this.#world().blobs.get(id);
      if (blob === undefined || stored.have.count === 0) continue;
      const { have, isProven: proven } = stored;
      scheduler.tell({ type: "blob-announced", host: this.id, task: blob.task, have: have.clone(), proven, registry: "registry.example" });
    }
    for (const pull of this.#pulls.values()) pull.handle({ type: "scheduler-found" });
  }

  loseScheduler(): void {
    for (const pull of this.#pulls.values()) pull.handle({ type: "scheduler-lost" });
  }

  /** Holds a blob, proven, before anything happens. */
  preload(blob: SimulatedBlob): void {
    const lines = new Map(Array.from({ length: blob.pieces }, (_, piece) => [piece, pieceHash(blob, piece, false)]));
    this.#stored.set(taskId(blob.task), { have: PieceSet.full(blob.pieces), lines, isProven: true });
  }

  pull(blob: SimulatedBlob): void {
    const id = taskId(blob.task);
    if (!this.isAlive || this.#stored.get(id)?.isProven === true) return;
    const stored = this.#entry(blob);
    const pull = new SimulatedPull(this.#world(), this, blob, stored);
    this.#pulls.set(id, pull);
    this.outcomes.push({ blob, beganAt: this.#world().timeline.now, endedAt: undefined, failure: undefined });
    pull.start();
  }

  /** The process dies: its channels break, its session ends. */
  kill(): void {
    const { scheduler, timeline, scenario } = this.#world();
    this.isAlive = false;
    for (const pull of this.#pulls.values()) pull.stop();
    for (const broken of this.#broken) timeline.after(scenario.latencyMs, broken);
    this.#broken.clear();
    scheduler.tell({ type: "host-lost", host: this.id });
  }

  /** What the scheduler wants of this host. */
  hear(effect: SchedulerEffect): void {
    if (!this.isAlive) return;
    const pull = this.#pulls.get(taskId(effect.task));
    switch (effect.type) {
      case "ask-table":
        this.#tellTable(effect.task);
        return;
      case "grant-pieces": {
        const { grant, parent: host, address, run } = effect;
        pull?.handle({ type: "grant-received", grant: { grant, parent: { host, address }, run } });
        return;
      }
      case "grant-stripe":
        pull?.handle({ type: "grant-received", grant: { grant: effect.grant, run: effect.run } });
        return;
      case "revoke-grant":
        pull?.handle({ type: "grant-revoked", grant: effect.grant });
        return;
      case "send-table":
        pull?.handle({ type: "table-received", hashes: effect.hashes });
        return;
      case "tell-standing":
        pull?.handle({ type: "standing-told", standing: effect.standing, retryAfterMs: effect.retryAfterMs });
        return;
      case "restart-peer":
        pull?.handle({ type: "restart-ordered" });
    }
  }

  #tellTable(task: SimulatedBlob["task"]): void {
    const stored = this.#stored.get(taskId(task));
    const hashes: PieceHash[] = [...(stored?.lines ?? [])].map(([piece, hash]) => ({ piece, hash }));
    this.#world().scheduler.tell({ type: "table-told", host: this.id, task, hashes });
  }

  /** Asks a parent for pieces; gives back how to end that. */
  fetch(blob: SimulatedBlob, { parent, run, transfer }: Fetch, child: { handle(event: PeerEvent): void }): () => void {
    const { timeline, scenario, hosts } = this.#world();
    const state: { isOver: boolean; end: (() => void) | undefined } = { isOver: false, end: undefined };
    const ended = (failure?: TransferFailure): void => {
      if (state.isOver) return;
      state.isOver = true;
      state.end?.();
      child.handle({ type: "transfer-ended", transfer, ...(failure === undefined ? {} : { failure }) });
    };
    const pieces = Array.from({ length: run.count }, (_, index) => run.first + index * run.stride);
    timeline.after(scenario.latencyMs, () => {
      if (state.isOver || !this.isAlive) return;
      const sender = hosts.get(parent.host);
      if (sender?.isAlive !== true) {
        timeline.after(scenario.latencyMs, () => ended({ code: "channel-lost" }));
        return;
      }
      const landed = (piece: number, hash: Uint8Array): void => child.handle({ type: "piece-landed", transfer, piece, hash });
      state.end = sender.serve({ blob, pieces, to: this.station, landed, ended });
    });
    return () => {
      state.isOver = true;
      state.end?.();
    };
  }

  /** Serves pieces to a child, each when it is verified here; gives back how to end that, or refuses. */
  serve({ blob, pieces, to, landed, ended }: ServeRequest): (() => void) | undefined {
    const { network, timeline, scenario } = this.#world();
    const id = taskId(blob.task);
    const stored = this.#stored.get(id);
    if (stored === undefined) {
      timeline.after(scenario.latencyMs, () => ended({ code: "parent-refused" }));
      return undefined;
    }
    let left = pieces.length;
    const lied = new Set<number>();
    const flow = network.open(this.station, to, 0, (piece) => {
      left -= 1;
      landed(piece, pieceHash(blob, piece, lied.has(piece) || !isRight(stored.lines.get(piece) ?? pieceHash(blob, piece, false))));
      if (left === 0) ended();
    });
    const serving: Serving = { flow, waiting: new Set(pieces), lied };
    const broken = (): void => ended({ code: "channel-lost" });
    const set = this.#serving.get(id) ?? new Set();
    this.#serving.set(id, set.add(serving));
    this.#broken.add(broken);
    for (const piece of pieces) if (stored.have.has(piece)) this.#send(blob, stored, serving, piece);
    return () => {
      network.close(flow);
      set.delete(serving);
      this.#broken.delete(broken);
    };
  }

  #send(blob: SimulatedBlob, stored: StoredBlob, serving: Serving, piece: number): void {
    if (!serving.waiting.delete(piece)) return;
    if (!stored.have.has(piece)) this.#world().violation(`${this.id} offers piece ${String(piece)}, which it has not verified`);
    if (this.#isLying()) serving.lied.add(piece);
    this.#world().network.offer(serving.flow, piece, pieceBytes(blob, piece));
  }

  #isLying(): boolean {
    const { scenario, timeline } = this.#world();
    return scenario.faults.some(
      (fault) =>
        fault.type === "host-lies" && fault.host === this.number && fault.atMs <= timeline.now && timeline.now < fault.atMs + fault.forMs,
    );
  }

  /** Pieces are verified here: stored, and sent to those who wait for them. */
  accept(blob: SimulatedBlob, pieces: readonly PieceHash[]): void {
    const stored = this.#entry(blob);
    for (const { piece, hash } of pieces) {
      stored.have.add(piece);
      stored.lines.set(piece, hash);
      for (const serving of this.#serving.get(taskId(blob.task)) ?? []) this.#send(blob, stored, serving, piece);
    }
  }

  dropBlob(blob: SimulatedBlob): void {
    const stored = this.#entry(blob);
    stored.have = new PieceSet(blob.pieces);
    stored.lines.clear();
    for (const serving of [...(this.#serving.get(taskId(blob.task)) ?? [])]) serving.waiting.clear();
  }

  complete(blob: SimulatedBlob): void {
    const stored = this.#entry(blob);
    if (![...stored.lines.values()].every(isRight)) this.#world().violation(`${this.id} completed a blob with wrong bytes`);
    stored.isProven = true;
    const outcome = this.#outcome(blob);
    if (outcome?.failure === undefined && outcome !== undefined) outcome.endedAt = this.#world().timeline.now;
  }

  pullFailed(blob: SimulatedBlob, reason: string): void {
    const outcome = this.#outcome(blob);
    if (outcome !== undefined && outcome.endedAt === undefined) outcome.failure = reason;
  }

  peerEnded(blob: SimulatedBlob): void {
    this.#pulls.delete(taskId(blob.task));
  }

  noteSourceRead(cause: SourceCause, pieces: number): void {
    this.sourcePieces.set(cause, (this.sourcePieces.get(cause) ?? 0) + pieces);
  }

  #outcome(blob: SimulatedBlob): PullOutcome | undefined {
    return this.outcomes.findLast((outcome) => outcome.blob === blob);
  }

  #entry(blob: SimulatedBlob): StoredBlob {
    const id = taskId(blob.task);
    const known = this.#stored.get(id) ?? emptyEntry(blob);
    this.#stored.set(id, known);
    return known;
  }
}
