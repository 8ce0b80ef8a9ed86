import { pieceRange, type ByteRange, type PieceSet, type SourceAccess, type Task } from "@darner/domain";
import { Peer, type PeerEffect, type PeerEvent, type PeerReport } from "@darner/peer-core";
import type { SchedulerOrder } from "@darner/protocol";
import { Mailbox } from "@darner/runtime";
import type { BlobRecorder } from "../record/blob-recorder.ts";
import type { StoredBlob } from "../store/store.ts";
import { accessOf, type SourceLocation } from "../source/source-location.ts";
import { goOn } from "./against-proven.ts";
import { BlobFailure } from "./blob-failure.ts";
import { allEarly, BlobStream, type StreamUse, type StreamedBlob } from "./blob-stream.ts";
import type { BlobWish } from "./blob-wish.ts";
import { PeerBlob } from "./peer-blob.ts";
import { orderEvent, wireReport } from "./peer-messages.ts";
import type { PeerDeps } from "./peer-deps.ts";
import { Transfers } from "./transfers.ts";

// More right to read the source than before is told to the core; less is not.
const ACCESS_RANK: Readonly<Record<SourceAccess, number>> = { none: 0, caller: 1, own: 2 };

/** One running peer: the loop around peer-core for one blob on this host. All readers of the blob share it. */
export class PeerRunner implements StreamedBlob {
  readonly task: Task;
  readonly #deps: PeerDeps;
  readonly #over = Promise.withResolvers<undefined>();
  readonly #onEnded: (runner: PeerRunner) => void;
  readonly #mailbox: Mailbox<PeerEvent, PeerEffect>;
  readonly #transfers: Transfers;
  readonly #recorder: BlobRecorder;
  readonly #bytes: PeerBlob;
  // One entry a response in flight; the mirror bounds its connections.
  readonly #streams = new Map<BlobStream, number>();
  // Transfers that wait until a wrong file is replaced; bounded by the core like those that run.
  readonly #waitingTransfers = new Map<number, () => void>();
  readonly #facts: BlobWish["facts"];
  readonly #startedAt: number;
  #source: SourceLocation | undefined;
  #proven = false;
  #ended = false;
  #released = false;
  // Responses that hold the blob, whether they read from it now or not.
  #holders = 0;
  #lastSourceError: unknown;
  #lastFailure = new BlobFailure({ code: "starved", retryAfterMs: 0 });
  #nextReader = 1;
  // The proven blob on its way to its place on disk.
  #completion: Promise<void> | undefined;

  constructor(task: Task, blob: StoredBlob, wish: BlobWish, deps: PeerDeps, onEnded: (runner: PeerRunner) => void) {
    this.task = task;
    this.#deps = deps;
    this.#onEnded = onEnded;
    this.#source = wish.source;
    this.#facts = wish.facts;
    this.#startedAt = deps.timers.now();
    this.#bytes = this.#openBytes(blob);
    this.#transfers = new Transfers(task, deps.transfers, {
      onEnded: (transfer, failure) => {
        this.#mailbox.post(failure === undefined ? { type: "transfer-ended", transfer } : { type: "transfer-ended", transfer, failure });
      },
      onSourceError: (error) => {
        this.#lastSourceError = error;
        deps.log.debug("source read failed", { task: task.digest, error });
      },
    });
    const { scheduler, lostForMs } = deps.link();
    const started = {
      type: "peer-started",
      task,
      registry: wish.facts.registry,
      access: accessOf(wish.source),
      sequential: wish.source?.kind === "manifest",
      priority: wish.priority,
      have: blob.have.clone(),
      schedulerLive: scheduler !== undefined,
      ...(lostForMs === undefined ? {} : { lostForMs }),
    } as const;
    this.#recorder = deps.records.begin(started);
    this.#mailbox = new Mailbox(new Peer(deps.limits, deps.random), deps.timers, { type: "time-passed" }, (effects, event) => {
      this.#recorder.note(event, effects, deps.timers.now());
      for (const effect of effects) this.#perform(effect);
    });
    this.#mailbox.post(started);
  }

  get have(): PieceSet {
    return this.#bytes.have;
  }

  get early(): PieceSet | undefined {
    return this.#bytes.early;
  }

  get proven(): boolean {
    return this.#proven;
  }

  /** Resolves when nothing more comes to the peer, and what it has completed is in its place on disk. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether all of its bytes came, and come, through this registry. */
  isOf(registry: string): boolean {
    return this.#facts.registry === registry && this.#bytes.stored.facts.registry === registry;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    await this.#bytes.give(offset, into);
  }

  /** A response holds the blob: its bytes stay readable until `letGo`. */
  hold(): void {
    this.#holders += 1;
  }

  letGo(): void {
    this.#holders -= 1;
    this.#releaseIfOver();
  }

  /** Another request wants the blob, perhaps with more right to read the source, perhaps before others. */
  join(wish: BlobWish): void {
    if (wish.priority === "reader") this.#mailbox.post({ type: "priority-raised" });
    const access = accessOf(wish.source);
    if (wish.source === undefined || ACCESS_RANK[access] < ACCESS_RANK[accessOf(this.#source)]) return;
    // Also where the class is the same: a new caller's credential may be good where the last one was refused.
    this.#source = wish.source;
    this.#mailbox.post({ type: "access-changed", access });
  }

  /** A reader of `range` (the whole blob where none is given), for a client, or for this host itself. */
  openStream(range: ByteRange = { start: 0, end: this.task.size }, use: StreamUse = "client"): BlobStream {
    const stream = new BlobStream(use === "client" ? this : allEarly(this), range, this.#deps.buffers, {
      onAdvance: (advanced, next) => {
        const reader = this.#streams.get(advanced);
        if (reader !== undefined) this.#mailbox.post({ type: "reader-advanced", reader, next });
      },
      onClose: (closed) => {
        const reader = this.#streams.get(closed);
        this.#streams.delete(closed);
        if (reader !== undefined) this.#mailbox.post({ type: "reader-closed", reader });
        this.#releaseIfOver();
      },
    });
    // Nothing more will come to a peer that is over: what is not here is not to be had from it.
    if (this.#ended && !this.#proven) stream.fail(this.#lastFailure);
    const reader = this.#nextReader++;
    this.#streams.set(stream, reader);
    this.#mailbox.post({ type: "reader-opened", reader, ...stream.wanted });
    return stream;
  }

  /** Resolves when the proven blob is in its place on the disk. */
  async settled(): Promise<void> {
    await this.#completion;
  }

  /** Ends the peer, though it might go on for a while, where nobody wants it any more. */
  endIfUnused(): void {
    if (this.#ended || this.#proven || this.#streams.size > 0 || this.#holders > 0) return;
    this.#tell({ type: "close" });
    this.#end();
  }

  schedulerFound(): void {
    this.#mailbox.post({ type: "scheduler-found" });
  }

  schedulerLost(): void {
    this.#mailbox.post({ type: "scheduler-lost" });
  }

  ordered(order: SchedulerOrder): void {
    const event = orderEvent(order);
    if (event !== undefined) this.#mailbox.post(event);
  }

  /** The blob was proven by another way: `settle` puts it into the store and opens it, the peer is over, its readers go on with that where they may. Rejects where `settle` does. */
  async giveWay(settle: () => Promise<StoredBlob>): Promise<void> {
    if (!this.#ended) this.#tell({ type: "close" });
    this.hold();
    this.#end();
    try {
      const compared = await this.#bytes.becomeProven(settle, this.#deps.buffers);
      this.#proven = true;
      if (compared.wrong.length > 0) this.#noteWrong();
      goOn(this.#streams.keys(), compared);
    } catch (error) {
      this.#failStreams(new BlobFailure({ code: "disk-refused", retryAfterMs: 0 }, error));
      throw error;
    } finally {
      this.letGo();
    }
  }

  /** The daemon stops: readers end, transfers are given up; what was verified stays. */
  stop(): void {
    this.#failStreams(new BlobFailure({ code: "stopping", retryAfterMs: 0 }));
    this.#end();
  }

  #perform(effect: PeerEffect): void {
    switch (effect.type) {
      case "fetch-pieces":
        this.#start(effect.transfer, () => {
          this.#transfers.fetchPieces(this.#bytes.intake, effect.transfer, effect.parent, effect.run);
        });
        return;
      case "read-source":
        this.#start(effect.transfer, () => {
          this.#readSource(effect);
        });
        return;
      case "cancel-transfer":
        if (!this.#waitingTransfers.delete(effect.transfer)) this.#transfers.cancel(effect.transfer);
        return;
      case "accept-pieces":
        this.#accept(effect);
        return;
      case "refuse-piece":
        this.#bytes.intake.decided(effect.piece);
        this.#deps.metrics.piecesRefused.inc({ from: effect.from === "source" ? "source" : "parent" });
        if (effect.from !== "source") this.#deps.books.wrongBytes("piece-refused", effect.from, this.task.digest);
        this.#deps.log.warn("piece refused", { task: this.task.digest, piece: effect.piece, from: effect.from });
        return;
      case "tell-scheduler":
        this.#tell(effect.report);
        return;
      case "finish-proof":
        this.#finishProof();
        return;
      case "complete-blob":
        this.#complete();
        return;
      case "drop-blob":
        this.#drop();
        return;
      case "fail-readers":
        this.#failStreams(
          new BlobFailure({ code: effect.reason, retryAfterMs: effect.retryAfterMs }, this.#lastSourceError),
          effect.readers,
        );
        return;
      case "end-peer":
        this.#end();
    }
  }

  #start(transfer: number, begin: () => void): void {
    if (this.#bytes.whenReplaced === undefined) begin();
    else this.#waitingTransfers.set(transfer, begin);
  }

  #readSource({ transfer, run, cause }: Extract<PeerEffect, { type: "read-source" }>): void {
    if (this.#source === undefined) {
      this.#mailbox.post({ type: "transfer-ended", transfer, failure: { code: "source-refused" } });
      return;
    }
    this.#transfers.readSource(this.#bytes.intake, transfer, run, this.#source, cause);
  }

  #accept({ pieces, from }: Extract<PeerEffect, { type: "accept-pieces" }>): void {
    this.#bytes.accept(pieces, from);
    for (const { piece } of pieces) {
      const { start, end } = pieceRange(this.task.size, piece);
      this.#deps.books.received(from, end - start);
    }
    this.#deps.metrics.piecesVerified.inc({ from }, pieces.length);
    for (const stream of this.#streams.keys()) stream.wake();
  }

  #tell(report: PeerReport): void {
    this.#deps.link().report(this.task, wireReport(report));
  }

  #finishProof(): void {
    const { proof } = this.#bytes;
    this.#bytes.extendProof();
    const isOld = (): boolean => proof !== this.#bytes.proof || this.#ended;
    void proof.result.then(
      (right) => {
        if (isOld()) return;
        this.#proven = right;
        this.#deps.metrics.proofs.inc({ outcome: right ? "right" : "wrong" });
        if (!right) this.#noteWrong();
        this.#mailbox.post({ type: right ? "proof-succeeded" : "proof-failed" });
      },
      (error: unknown) => {
        if (!isOld()) this.#giveUp("proof could not be made", error);
      },
    );
  }

  #noteWrong(): void {
    const { digest } = this.task;
    this.#deps.log.error("blob does not have its digest", { task: digest, registry: this.#facts.registry });
    this.#deps.books.wrongBytes("proof-failed", this.#facts.registry, digest);
    if (this.#bytes.given) this.#deps.poisoned(digest);
  }

  #complete(): void {
    for (const stream of this.#streams.keys()) stream.wake();
    const { digest, size } = this.task;
    this.#deps.metrics.blobSeconds.observe((this.#deps.timers.now() - this.#startedAt) / 1000);
    this.#completion = this.#bytes.stored.markComplete().then(
      () => {
        this.#deps.log.info("blob complete", { task: digest, bytes: size });
      },
      (error: unknown) => {
        this.#deps.log.error("blob could not be completed on disk", { task: digest, error });
      },
    );
    this.#deps.completing(this.#completion);
  }

  /** Wrong bytes: a fresh file takes their place; transfers that are asked for meanwhile begin when it is there. */
  #drop(): void {
    this.#transfers.cancelAll();
    void this.#bytes.replace().then(
      () => {
        this.#beginWaiting();
      },
      (error: unknown) => {
        this.#giveUp("blob could not be begun again", error);
      },
    );
  }

  #beginWaiting(): void {
    const waiting = [...this.#waitingTransfers.values()];
    this.#waitingTransfers.clear();
    for (const begin of waiting) begin();
  }

  #openBytes(blob: StoredBlob): PeerBlob {
    const { store, prover, timers, log, verify } = this.#deps;
    const deps = { store, prover, verify, now: () => timers.now() };
    return new PeerBlob(this.task, blob, this.#facts, deps, {
      onLanded: (transfer, piece, hash) => {
        this.#mailbox.post({ type: "piece-landed", transfer, piece, hash });
      },
      onDiskRefused: (transfer, error) => {
        log.error("disk refused a piece", { task: this.task.digest, error });
        this.#mailbox.post({ type: "transfer-ended", transfer, failure: { code: "disk-refused" } });
      },
    });
  }

  /** This host's disk ended the peer, and the core does not know of it. */
  #giveUp(what: string, error: unknown): void {
    if (this.#ended) return;
    this.#deps.log.error(what, { task: this.task.digest, error });
    this.#failStreams(new BlobFailure({ code: "disk-refused", retryAfterMs: 0 }, error));
    this.#tell({ type: "close" });
    this.#end();
  }

  /** Fails the streams of these readers, or of all. */
  #failStreams(failure: BlobFailure, readers?: readonly number[]): void {
    this.#lastFailure = failure;
    for (const [stream, reader] of this.#streams) if (readers?.includes(reader) ?? true) stream.fail(failure);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#deps.records.finish(this.#recorder);
    this.#waitingTransfers.clear();
    this.#transfers.cancelAll();
    this.#mailbox[Symbol.dispose]();
    if (this.#completion === undefined) this.#leave();
    else
      void this.#completion.then(() => {
        this.#leave();
      });
  }

  #leave(): void {
    this.#completion = undefined;
    this.#onEnded(this);
    this.#over.resolve(undefined);
    this.#releaseIfOver();
  }

  /** Lets go of the file once the peer is over and nobody reads from it any more. */
  #releaseIfOver(): void {
    const isBusy = !this.#ended || this.#streams.size > 0 || this.#holders > 0 || this.#completion !== undefined;
    if (this.#released || isBusy) return;
    this.#released = true;
    this.#bytes.close();
  }
}
