import type { HostId, PieceRun, Task } from "@darner/domain";
import type { SourceCause, TransferFailure } from "@darner/peer-core";
import type { RegistryClient } from "@darner/registry-client";
import type { ChannelFailure, PieceFetcher } from "../piece-channel/piece-channel.ts";
import { readSource } from "../source/read-source.ts";
import type { SourceLocation } from "../source/source-location.ts";
import type { PieceIntake } from "./piece-intake.ts";

/** What transfers need of the world. */
export type TransferDeps = {
  readonly fetcher: PieceFetcher;
  readonly registry: RegistryClient;
  readonly onSourceBytes: (bytes: number, cause: SourceCause) => void;
  /** The download limit, where one is set. */
  readonly takeDownload: ((bytes: number) => Promise<void>) | undefined;
};

/** Told when a transfer is over, after all its pieces landed. */
export type TransferListener = {
  onEnded(transfer: number, failure: TransferFailure | undefined): void;
  onSourceError(error: unknown): void;
};

/** The running transfers of one peer: each ends by itself, by failure or by `cancel`, and says so exactly once unless cancelled. */
export class Transfers {
  readonly #task: Task;
  readonly #deps: TransferDeps;
  readonly #listener: TransferListener;
  // Bounded by the core: at most as many as it allows transfers at a time.
  readonly #running = new Map<number, AbortController>();

  constructor(task: Task, deps: TransferDeps, listener: TransferListener) {
    this.#task = task;
    this.#deps = deps;
    this.#listener = listener;
  }

  fetchPieces(intake: PieceIntake, transfer: number, parent: { host: HostId; address: string }, run: PieceRun): void {
    this.#run(intake, transfer, async (signal) => {
      const failure = await this.#deps.fetcher.fetch({ parent, task: this.#task, run, sink: intake.sinkOf(transfer), signal });
      return failure === undefined ? undefined : channelFailure(failure);
    });
  }

  readSource(intake: PieceIntake, transfer: number, run: PieceRun, source: SourceLocation, cause: SourceCause): void {
    this.#run(intake, transfer, async (signal) => {
      const end = await readSource(this.#deps.registry, {
        task: this.#task,
        run,
        source,
        sink: intake.sinkOf(transfer),
        signal,
        onBytes: (bytes) => {
          this.#deps.onSourceBytes(bytes, cause);
        },
        take: this.#deps.takeDownload,
      });
      if (end.error !== undefined) this.#listener.onSourceError(end.error);
      return end.failure;
    });
  }

  cancel(transfer: number): void {
    this.#running.get(transfer)?.abort();
    this.#running.delete(transfer);
  }

  cancelAll(): void {
    for (const transfer of this.#running.keys()) this.cancel(transfer);
  }

  #run(intake: PieceIntake, transfer: number, move: (signal: AbortSignal) => Promise<TransferFailure | undefined>): void {
    const control = new AbortController();
    this.#running.set(transfer, control);
    void move(control.signal).then(async (failure) => {
      await intake.settled(transfer);
      intake.giveUp(transfer);
      if (control.signal.aborted) return;
      this.#running.delete(transfer);
      this.#listener.onEnded(transfer, failure);
    });
  }
}

function channelFailure(failure: ChannelFailure): TransferFailure {
  switch (failure) {
    case "channel-lost":
    case "wrong-host":
    case "not-a-member":
    case "protocol-violation":
      return { code: "channel-lost" };
    case "parent-silent":
      return { code: "parent-silent" };
    case "blob-unknown":
    case "parent-busy":
      return { code: "parent-refused" };
  }
}
