import { pieceCount, pieceRange, type ByteRange, type Priority, type SourceAccess, type Task } from "@darner/domain";
import { Peer, type PeerEffect, type PeerEvent, type PeerReport } from "@darner/peer-core";
import type { SchedulerOrder } from "@darner/protocol";
import { Mailbox } from "@darner/runtime";
import type { Proof } from "../store/prover.ts";
import type { BlobFacts, StoredBlob } from "../store/store.ts";
import { accessOf, type SourceLocation } from "../source/source-location.ts";
import { BlobFailure } from "./blob-failure.ts";
import { BlobStream, type StreamedBlob } from "./blob-stream.ts";
import { orderEvent, wireReport } from "./peer-messages.ts";
import type { PeerDeps } from "./peer-deps.ts";
import { PieceIntake } from "./piece-intake.ts";
import { Transfers } from "./transfers.ts";

/** What makes a blob wanted. */
export type BlobWish = { readonly source: SourceLocation | undefined; readonly priority: Priority; readonly facts: BlobFacts & { readonly registry: string } };

// More right to read the source than before is told to the core; less is not.
const ACCESS_RANK: Readonly<Record<SourceAccess, number>> = { none: 0, caller: 1, own: 2 };

/** One running peer: the loop around peer-core for one blob on this host. All readers of the blob share it. */
export class PeerRunner implements StreamedBlob {
  readonly task: Task;
  readonly #deps: PeerDeps;
  readonly #onEnded: (runner: PeerRunner) => void;
  readonly #mailbox: Mailbox<PeerEvent, PeerEffect>;
  readonly #transfers: Transfers;
  // One entry a response in flight; the mirror bounds its connections.
  readonly #streams = new Map<BlobStream, number>();
  #source: SourceLocation | undefined;
  readonly #facts: BlobWish["facts"];
  #blob: StoredBlob;
  #intake: PieceIntake;
  #proof: Proof;
  #proven = false;
  #ended = false;
  #released = false;
  #lastSourceError: unknown;
  #nextReader = 1;
  readonly #startedAt: number;
  // Effects wait here while a fresh file is made after a failed proof.
  #reopening: Promise<void> | undefined;
  // The proven blob on its way to its place on disk.
  #completion: Promise<void> | undefined;

  constructor(task: Task, blob: StoredBlob, wish: BlobWish, deps: PeerDeps, onEnded: (runner: PeerRunner) => void) {
    this.task = task;
    this.#deps = deps;
    this.#onEnded = onEnded;
    this.#source = wish.source;
    this.#facts = wish.facts;
    this.#startedAt = deps.timers.now();
    this.#blob = blob;
    this.#intake = this.#newIntake();
    this.#proof = this.#newProof();
    this.#transfers = new Transfers(task, deps.transfers, {
      onEnded: (transfer, failure) => {
        this.#mailbox.post(failure === undefined ? { type: "transfer-ended", transfer } : { type: "transfer-ended", transfer, failure });
      },
      onSourceError: (error) => {
        this.#lastSourceError = error;
        deps.log.debug("source read failed", { task: task.digest, error });
      },
    });
    this.#mailbox = new Mailbox(new Peer(deps.limits, deps.random), deps.timers, { type: "time-passed" }, (effects) => {
      for (const effect of effects) this.#perform(effect);
    });
    // What the store held before counts as the prefix to prove, too.
    this.#extendProof();
    this.#mailbox.post({
      type: "peer-started",
      task,
      registry: wish.facts.registry,
      access: accessOf(wish.source),
      sequential: wish.source?.kind === "manifest",
      priority: wish.priority,
      have: blob.have.clone(),
      schedulerLive: deps.link().scheduler !== undefined,
    });
  }

  get have(): StoredBlob["have"] {
    return this.#blob.have;
  }

  get proven(): boolean {
    return this.#proven;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Why the source was last refused to this peer; undefined where it never was. */
  get lastSourceError(): unknown {
    return this.#lastSourceError;
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    return this.#blob.read(offset, into);
  }

  /** Another request wants the blob, perhaps with more right to read the source. */
  join(wish: BlobWish): void {
    const access = accessOf(wish.source);
    if (wish.source === undefined || ACCESS_RANK[access] < ACCESS_RANK[accessOf(this.#source)]) return;
    // Also where the class is the same: a new caller's credential may be good where the last one was refused.
    this.#source = wish.source;
    this.#mailbox.post({ type: "access-changed", access });
  }

  /** A reader of `range` (the whole blob where none is given). */
  openStream(range: ByteRange = { start: 0, end: this.task.size }): BlobStream {
    const stream = new BlobStream(this, range, this.#deps.buffers, {
      onAdvance: (advanced, next) => {
        const reader = this.#streams.get(advanced);
        if (reader !== undefined) this.#mailbox.post({ type: "reader-advanced", reader, next });
      },
      onClose: (closed) => {
        const reader = this.#streams.get(closed);
        this.#streams.delete(closed);
        if (reader !== undefined) this.#mailbox.post({ type: "reader-closed", reader });
        if (this.#ended) this.#release();
      },
    });
    const reader = this.#nextReader++;
    this.#streams.set(stream, reader);
    this.#mailbox.post({ type: "reader-opened", reader, ...stream.wanted });
    return stream;
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

  /** The daemon stops: readers end, transfers are given up; what was verified stays. */
  stop(): void {
    this.#failStreams(new BlobFailure({ code: "stopping", retryAfterMs: 0 }));
    this.#end();
  }

  #perform(effect: PeerEffect): void {
    switch (effect.type) {
      case "fetch-pieces":
        this.#start(() => {
          this.#transfers.fetchPieces(this.#intake, effect.transfer, effect.parent, effect.run);
        });
        return;
      case "read-source":
        this.#start(() => {
          this.#readSource(effect);
        });
        return;
      case "cancel-transfer":
        this.#transfers.cancel(effect.transfer);
        return;
      case "accept-pieces":
        this.#accept(effect);
        return;
      case "refuse-piece":
        this.#intake.decided(effect.piece);
        this.#deps.metrics.piecesRefused.inc({ from: effect.from === "source" ? "source" : "parent" });
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
        this.#failStreams(new BlobFailure({ code: effect.reason, retryAfterMs: effect.retryAfterMs }, this.#lastSourceError), effect.readers);
        return;
      case "end-peer":
        this.#end();
    }
  }

  #start(transfer: () => void): void {
    if (this.#reopening === undefined) transfer();
    else void this.#reopening.then(transfer);
  }

  #readSource({ transfer, run, cause }: Extract<PeerEffect, { type: "read-source" }>): void {
    if (this.#source === undefined) {
      this.#mailbox.post({ type: "transfer-ended", transfer, failure: { code: "source-refused" } });
      return;
    }
    this.#transfers.readSource(this.#intake, transfer, run, this.#source, cause);
  }

  #accept({ pieces, from }: Extract<PeerEffect, { type: "accept-pieces" }>): void {
    this.#blob.markVerified(pieces);
    for (const { piece } of pieces) {
      this.#intake.decided(piece);
      const { start, end } = pieceRange(this.task.size, piece);
      this.#deps.books.received(from, end - start);
    }
    this.#deps.metrics.piecesVerified.inc({ from }, pieces.length);
    this.#extendProof();
    for (const stream of this.#streams.keys()) stream.wake();
  }

  #tell(report: PeerReport): void {
    this.#deps.link().report(this.task, wireReport(report));
  }

  #extendProof(): void {
    const missing = this.#blob.have.firstMissing();
    const prefix = missing === pieceCount(this.task.size) ? this.task.size : pieceRange(this.task.size, missing).start;
    this.#proof.extend(prefix);
  }

  #finishProof(): void {
    const proof = this.#proof;
    this.#extendProof();
    void proof.result.then(
      (right) => {
        if (proof !== this.#proof || this.#ended) return;
        this.#proven = right;
        this.#deps.metrics.proofs.inc({ outcome: right ? "right" : "wrong" });
        if (!right) this.#deps.log.error("blob does not have its digest", { task: this.task.digest, registry: this.#facts.registry });
        this.#mailbox.post({ type: right ? "proof-succeeded" : "proof-failed" });
      },
      (error: unknown) => {
        this.#deps.log.error("proof could not be made", { task: this.task.digest, error });
        this.#failStreams(new BlobFailure({ code: "disk-refused", retryAfterMs: 0 }, error));
        this.#end();
      },
    );
  }

  #complete(): void {
    for (const stream of this.#streams.keys()) stream.wake();
    const { digest, size } = this.task;
    this.#deps.metrics.blobSeconds.observe((this.#deps.timers.now() - this.#startedAt) / 1000);
    this.#completion = this.#blob.markComplete().then(
      () => {
        this.#deps.log.info("blob complete", { task: digest, bytes: size });
      },
      (error: unknown) => {
        this.#deps.log.error("blob could not be completed on disk", { task: digest, error });
      },
    );
    this.#deps.completing(this.#completion);
  }

  #drop(): void {
    this.#transfers.cancelAll();
    this.#proof.cancel();
    const wrong = this.#blob;
    const reopened = wrong
      .quarantine("the bytes do not have the digest")
      .then(() => {
        wrong[Symbol.dispose]();
        return this.#deps.store.openOrCreate(this.task, this.#facts);
      })
      .then((blob) => {
        this.#blob = blob;
        this.#intake = this.#newIntake();
        this.#proof = this.#newProof();
        if (this.#ended) this.#release();
      })
      .catch((error: unknown) => {
        this.#deps.log.error("blob could not be begun again", { task: this.task.digest, error });
        this.#failStreams(new BlobFailure({ code: "disk-refused", retryAfterMs: 0 }, error));
        this.#end();
      })
      .finally(() => {
        if (this.#reopening === reopened) this.#reopening = undefined;
      });
    this.#reopening = reopened;
  }

  #newIntake(): PieceIntake {
    return new PieceIntake(
      this.#blob,
      {
        onLanded: (transfer, piece, hash) => {
          this.#mailbox.post({ type: "piece-landed", transfer, piece, hash });
        },
        onDiskRefused: (transfer, error) => {
          this.#deps.log.error("disk refused a piece", { task: this.task.digest, error });
          this.#mailbox.post({ type: "transfer-ended", transfer, failure: { code: "disk-refused" } });
        },
      },
      () => this.#deps.timers.now(),
    );
  }

  #newProof(): Proof {
    const proof = this.#deps.prover.prove(this.#blob.path, this.task.digest, this.task.size);
    proof.result.catch(() => undefined);
    return proof;
  }

  /** Fails the streams of these readers, or of all. */
  #failStreams(failure: BlobFailure, readers?: readonly number[]): void {
    for (const [stream, reader] of this.#streams) if (readers?.includes(reader) ?? true) stream.fail(failure);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#transfers.cancelAll();
    this.#mailbox[Symbol.dispose]();
    if (this.#completion === undefined) this.#leave();
    else void this.#completion.then(() => this.#leave());
  }

  #leave(): void {
    this.#completion = undefined;
    this.#onEnded(this);
    this.#release();
  }

  /** Lets go of the file once the peer is over and nobody reads from it any more. */
  #release(): void {
    const busy = this.#streams.size > 0 || this.#reopening !== undefined || this.#completion !== undefined;
    if (this.#released || busy) return;
    this.#released = true;
    this.#proof.cancel();
    this.#blob[Symbol.dispose]();
  }
}
