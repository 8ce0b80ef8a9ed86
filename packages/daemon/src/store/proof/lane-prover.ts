import { closeSync, openSync } from "node:fs";

import { digestAlgorithm, digestEncoded, type Digest } from "@darner/domain";
import type { Logger } from "@darner/runtime";

import { HashTurns, type HashOrder, type HashOutcome } from "./hash-turns.ts";
import type { Proof, Prover } from "../prover.ts";
import { StoreError, storeError } from "../store-error.ts";

/** Where files are hashed: a worker thread, or the main one. */
export interface Lane {
  /** Proofs that were started there and have no outcome yet. */
  readonly load: number;
  order(order: HashOrder): void;
  /** Ends it; no file is read any more when this resolves. */
  close(): Promise<void>;
}

/** What a lane tells its prover. */
export type LaneEvents = {
  readonly onOutcome: (outcome: HashOutcome) => void;
  /** The lane lost all that it was hashing. */
  readonly onDeath: (lane: Lane, why: string) => void;
};

/** One proof. */
type Job = {
  readonly id: number;
  readonly path: string;
  readonly fd: number;
  readonly digest: Digest;
  readonly size: number;
  readonly resolve: (proven: boolean) => void;
  readonly reject: (error: StoreError) => void;
  lane: Lane;
  upTo: number;
  attempts: number;
  cancelled: boolean;
};

// 3: a proof that has seen its thread die three times is likely what kills it.
const MAX_ATTEMPTS = 3;
// 256 KiB are hashed in 0.7 ms: less than a thread costs to start, and a pause that nobody notices.
const INLINE_BYTES = 256 * 1024;

/**
 * Deals proofs out to lanes: small blobs to the main thread's, others to the emptiest of the rest. The files are opened here (3 µs), so a
 * proof survives the file's move and the death of its thread; a file is closed when its lane has said that it reads it no more.
 */
export class LaneProver implements Prover {
  readonly #log: Logger;
  readonly #inline: Lane;
  // As many as there are threads.
  readonly #threads: readonly Lane[];
  // Bounded by the blobs on their way in: each has one proof.
  readonly #jobs = new Map<number, Job>();
  #lastId = 0;
  #closed = false;

  constructor(log: Logger, openThreads: (events: LaneEvents) => readonly Lane[]) {
    this.#log = log;
    const events: LaneEvents = {
      onOutcome: (outcome) => {
        this.#end(outcome);
      },
      onDeath: (lane, why) => {
        this.#startAgain(lane, why);
      },
    };
    this.#inline = new InlineLane(events);
    this.#threads = openThreads(events);
  }

  prove(path: string, digest: Digest, size: number): Proof {
    const { promise: result, resolve, reject } = Promise.withResolvers<boolean>();
    // Whoever does not look at the result any more must not end the process with it.
    result.catch(() => undefined);
    try {
      if (this.#closed) throw new StoreError({ code: "closed" }, "the prover is closed");
      const job = this.#open(path, digest, size, resolve, reject);
      const extend = (bytes: number): void => {
        this.#extend(job, bytes);
      };
      const cancel = (): void => {
        this.#cancel(job);
      };
      return { extend, cancel, result };
    } catch (error) {
      reject(storeError(error, `proving ${path}`));
      return { extend: () => undefined, cancel: () => undefined, result };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#inline, ...this.#threads].map((lane) => lane.close()));
    for (const job of this.#jobs.values()) closeSync(job.fd);
    this.#jobs.clear();
  }

  #open(path: string, digest: Digest, size: number, resolve: Job["resolve"], reject: Job["reject"]): Job {
    this.#lastId += 1;
    const lane = size <= INLINE_BYTES ? this.#inline : this.#emptiest();
    const fd = openSync(path, "r");
    const job: Job = { id: this.#lastId, path, fd, digest, size, resolve, reject, lane, upTo: 0, attempts: 0, cancelled: false };
    this.#jobs.set(job.id, job);
    this.#start(job);
    return job;
  }

  #start(job: Job): void {
    job.attempts += 1;
    job.lane.order({ kind: "start", id: job.id, fd: job.fd, algorithm: digestAlgorithm(job.digest), size: job.size });
    if (job.upTo > 0) job.lane.order({ kind: "extend", id: job.id, bytes: job.upTo });
  }

  #emptiest(): Lane {
    const [first, ...others] = this.#threads;
    if (first === undefined) return this.#inline;
    return others.reduce((emptiest, lane) => (lane.load < emptiest.load ? lane : emptiest), first);
  }

  #extend(job: Job, bytes: number): void {
    if (bytes <= job.upTo || !this.#isRunning(job)) return;
    job.upTo = Math.min(bytes, job.size);
    job.lane.order({ kind: "extend", id: job.id, bytes: job.upTo });
  }

  #cancel(job: Job): void {
    if (!this.#isRunning(job)) return;
    job.cancelled = true;
    job.lane.order({ kind: "cancel", id: job.id });
  }

  #isRunning(job: Job): boolean {
    return !this.#closed && !job.cancelled && this.#jobs.has(job.id);
  }

  #end(outcome: HashOutcome): void {
    const job = this.#jobs.get(outcome.id);
    if (job === undefined || this.#closed) return;
    this.#jobs.delete(job.id);
    closeSync(job.fd);
    if (job.cancelled) return;
    if (outcome.kind === "hashed") job.resolve(outcome.encoded === digestEncoded(job.digest));
    if (outcome.kind === "failed") job.reject(new StoreError({ code: "disk-failed" }, `proving ${job.path}: ${outcome.message}`));
  }

  #startAgain(lane: Lane, why: string): void {
    const jobs = [...this.#jobs.values()].filter((job) => job.lane === lane);
    this.#log.error("a hashing thread died", { error: why, proofs: jobs.length });
    for (const job of jobs) {
      if (job.cancelled) this.#end({ kind: "cancelled", id: job.id });
      else if (job.attempts < MAX_ATTEMPTS) this.#start(job);
      else this.#end({ kind: "failed", id: job.id, message: `its hashing thread died again and again: ${why}` });
    }
  }
}

/** Hashes on this thread. */
class InlineLane implements Lane {
  readonly #onOutcome: (outcome: HashOutcome) => void;
  // Made with the first proof: its read buffer is 1 MiB.
  #turns: HashTurns | undefined;
  readonly load = 0;

  constructor({ onOutcome }: LaneEvents) {
    this.#onOutcome = onOutcome;
  }

  order(order: HashOrder): void {
    this.#turns ??= new HashTurns(this.#onOutcome);
    this.#turns.obey(order);
  }

  close(): Promise<void> {
    this.#turns?.clear();
    return Promise.resolve();
  }
}
