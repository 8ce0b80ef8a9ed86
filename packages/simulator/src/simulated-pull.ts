import type { HostId, PieceHash } from "@darner/domain";
import { DEFAULT_LIMITS, Peer, type PeerEffect, type PeerEvent, type PeerReport, type SourceCause } from "@darner/peer-core";
import type { GrantFailure, SchedulerEvent } from "@darner/scheduler-core";
import { isRight, type SimulatedBlob } from "./blob.ts";
import type { Station } from "./network.ts";
import type { StoredBlob } from "./stored-blob.ts";
import { oneLine } from "./trace.ts";
import type { World } from "./world.ts";

// A proof is one pass of sha256 that ends soon after the last byte.
const PROOF_MS = 1;
const READER = 1;
// In a large swarm each peer is looked at now and then.
const CHECK_ALL_UP_TO_HOSTS = 8;
const CHECK_EVERY_EVENTS = 32;

/** What a pull needs of the host it runs on. */
export type PullingHost = {
  readonly id: HostId;
  readonly number: number;
  readonly isAlive: boolean;
  readonly station: Station;
  /** Asks a parent for pieces; gives back how to end that. */
  fetch(blob: SimulatedBlob, effect: Extract<PeerEffect, { type: "fetch-pieces" }>, child: { handle(event: PeerEvent): void }): () => void;
  accept(blob: SimulatedBlob, pieces: readonly PieceHash[]): void;
  dropBlob(blob: SimulatedBlob): void;
  complete(blob: SimulatedBlob): void;
  pullFailed(blob: SimulatedBlob, reason: string): void;
  peerEnded(blob: SimulatedBlob): void;
  noteSourceRead(cause: SourceCause, pieces: number): void;
};

/** One host's pull of one blob: the body of the real peer core, with one reader that takes the blob in order. */
export class SimulatedPull {
  readonly #world: World;
  readonly #host: PullingHost;
  readonly #blob: SimulatedBlob;
  readonly #stored: StoredBlob;
  readonly #peer: Peer;
  /** How to end each transfer in progress. */
  readonly #transfers = new Map<number, () => void>();
  #armedFor: number | undefined;
  #handled = 0;
  #isOver = false;

  constructor(world: World, host: PullingHost, blob: SimulatedBlob, stored: StoredBlob) {
    this.#world = world;
    this.#host = host;
    this.#blob = blob;
    this.#stored = stored;
    this.#peer = new Peer(DEFAULT_LIMITS, world.dice(`peer/${String(host.number)}/${String(blob.number)}`));
  }

  start(): void {
    const { scenario, scheduler } = this.#world;
    const access = scenario.access[this.#host.number] ?? "caller";
    this.handle({
      type: "peer-started",
      task: this.#blob.task,
      registry: "registry.example",
      access,
      sequential: false,
      priority: "reader",
      have: this.#stored.have.clone(),
      schedulerLive: scheduler.isLive,
    });
    this.handle({ type: "reader-opened", reader: READER, next: 0, end: this.#blob.pieces });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  handle(event: PeerEvent): void {
    const { timeline, trace } = this.#world;
    if (this.#isOver || !this.#host.isAlive) return;
    const name = `${this.#host.id}/${String(this.#blob.number)}`;
    trace.line(timeline.now, `${name} < ${oneLine(event)}`);
    const effects = this.#peer.handle(event, timeline.now);
    this.#handled += 1;
    if (this.#world.scenario.hosts <= CHECK_ALL_UP_TO_HOSTS || this.#handled % CHECK_EVERY_EVENTS === 0) this.#peer.checkInvariants();
    for (const effect of effects) {
      trace.line(timeline.now, `${name} > ${oneLine(effect)}`);
      this.#perform(effect);
    }
    this.#arm();
  }

  /** Ends whatever runs: the process is gone. */
  stop(): void {
    this.#isOver = true;
    for (const end of this.#transfers.values()) end();
    this.#transfers.clear();
  }

  #perform(effect: PeerEffect): void {
    switch (effect.type) {
      case "fetch-pieces":
        this.#transfers.set(effect.transfer, this.#host.fetch(this.#blob, effect, this));
        return;
      case "read-source":
        this.#transfers.set(effect.transfer, this.#readSource(effect));
        return;
      case "cancel-transfer":
        this.#transfers.get(effect.transfer)?.();
        this.#transfers.delete(effect.transfer);
        return;
      case "accept-pieces":
        this.#accept(effect.pieces);
        return;
      case "tell-scheduler":
        this.#tell(effect.report);
        return;
      case "finish-proof":
        this.#world.timeline.after(PROOF_MS, () => this.#prove());
        return;
      case "drop-blob":
        this.#host.dropBlob(this.#blob);
        return;
      case "fail-readers":
        this.#host.pullFailed(this.#blob, effect.reason);
        return;
      case "complete-blob":
        this.#host.complete(this.#blob);
        return;
      case "end-peer":
        this.stop();
        this.#host.peerEnded(this.#blob);
        return;
      case "refuse-piece":
    }
  }

  #readSource({ transfer, run, cause }: Extract<PeerEffect, { type: "read-source" }>): () => void {
    this.#host.noteSourceRead(cause, run.count);
    return this.#world.source.read({
      blob: this.#blob,
      first: run.first,
      count: run.count,
      host: this.#host.number,
      to: this.#host.station,
      landed: (piece, hash) => this.handle({ type: "piece-landed", transfer, piece, hash }),
      ended: (failure) => this.handle({ type: "transfer-ended", transfer, ...(failure === undefined ? {} : { failure }) }),
    });
  }

  #accept(pieces: Extract<PeerEffect, { type: "accept-pieces" }>["pieces"]): void {
    this.#host.accept(this.#blob, pieces);
    const next = this.#stored.have.firstMissing();
    // Its events are handled after this one: a core is never entered twice.
    this.#world.timeline.after(0, () => this.handle({ type: "reader-advanced", reader: READER, next }));
  }

  #prove(): void {
    const { have, lines } = this.#stored;
    const isProven = have.isFull && [...lines.values()].every(isRight);
    this.handle({ type: isProven ? "proof-succeeded" : "proof-failed" });
  }

  #tell(report: PeerReport): void {
    this.#world.scheduler.tell(asEvent(this.#host, this.#blob, report));
  }

  #arm(): void {
    const { timeline } = this.#world;
    const due = this.#peer.nextDeadline();
    if (due === undefined || this.#isOver || (this.#armedFor !== undefined && this.#armedFor <= due)) return;
    this.#armedFor = due;
    timeline.after(due - timeline.now, () => {
      if (this.#armedFor !== due) return;
      this.#armedFor = undefined;
      this.handle({ type: "time-passed" });
    });
  }
}

function asEvent({ id: host }: PullingHost, { task }: SimulatedBlob, report: PeerReport): SchedulerEvent {
  switch (report.type) {
    case "open": {
      const { registry, access, sequential, priority, have } = report;
      return { type: "peer-opened", host, task, registry, access, sequential, priority, have };
    }
    case "close":
      return { type: "peer-closed", host, task };
    case "need":
      return { type: "pieces-needed", host, task, run: report.run };
    case "verified":
      return { type: "pieces-verified", host, task, pieces: report.pieces, hashes: report.hashes };
    case "grant-failed": {
      const { grant, failure } = report;
      return {
        type: "grant-failed",
        host,
        task,
        grant,
        failure: asGrantFailure(failure),
      };
    }
    case "proven":
      return { type: "blob-proven", host, task };
    case "proof-failed":
      return { type: "proof-failed", host, task };
  }
}

function asGrantFailure(failure: Extract<PeerReport, { type: "grant-failed" }>["failure"]): GrantFailure {
  switch (failure.code) {
    case "channel-lost":
      return { code: "parent-lost" };
    case "piece-refused":
      return { code: failure.code, piece: failure.piece };
    case "source-unavailable":
    case "source-limited":
      return { code: failure.code, retryAfterMs: failure.retryAfterMs };
    case "parent-silent":
    case "parent-refused":
    case "source-refused":
    case "source-without-range":
    case "disk-refused":
      return { code: failure.code };
  }
}
