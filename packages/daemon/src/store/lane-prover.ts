import { digestAlgorithm, digestEncoded, type Digest } from "@darner/domain";
import type { Logger } from "@darner/runtime";

import { HashTurns, type HashOrder, type HashOutcome } from "./hash-turns.ts";
import type { Proof, Prover } from "./prover.ts";
import { StoreError } from "./store-error.ts";

/** One proof, wherever it is hashed. */
export type Job = {
  readonly id: number;
  readonly path: string;
  readonly digest: Digest;
  readonly size: number;
  readonly settle: (outcome: HashOutcome) => void;
  upTo: number;
  attempts: number;
  lane: Lane | undefined;
};

/** Where jobs are hashed: a worker thread, or the main one. */
export interface Lane {
  readonly jobs: Map<number, Job>;
  order(order: HashOrder): void;
  close(): Promise<void>;
}

/** What a lane tells its prover. */
export type LaneEvents = {
  readonly onOutcome: (outcome: HashOutcome) => void;
  /** The lane lost all that it was hashing. */
  readonly onDeath: (lane: Lane, why: string) => void;
};

// 512 open files a lane: a node that pulls more blobs at once proves them a little later.
const MAX_PROOFS_AT_ONCE = 512;
// 3: a proof that has seen its thread die three times is likely what kills it.
const MAX_ATTEMPTS = 3;
// 256 KiB are hashed in 0.7 ms: less than a thread costs to start, and a pause that nobody notices.
const INLINE_BYTES = 256 * 1024;

/** Deals proofs out to lanes: small blobs to the main thread's, others to the emptiest of the rest. */
export class LaneProver implements Prover {
  readonly #log: Logger;
  readonly #inline: Lane;
  // As many as there are threads.
  readonly #threads: readonly Lane[];
  // Jobs that no lane has room for, oldest first. Bounded by the blobs that are on their way in.
  readonly #waiting = new Map<number, Job>();
  #lastId = 0;
  #closed = false;

  constructor(log: Logger, openThreads: (events: LaneEvents) => readonly Lane[]) {
    this.#log = log;
    const events: LaneEvents = {
      onOutcome: (outcome) => {
        this.#settle(outcome);
      },
      onDeath: (lane, why) => {
        this.#startAgain(lane, why);
      },
    };
    this.#inline = new InlineLane(events);
    this.#threads = openThreads(events);
  }

  prove(path: string, digest: Digest, size: number): Proof {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    // Whoever does not look at the result any more must not end the process with it.
    promise.catch(() => undefined);
    const settle = (outcome: HashOutcome): void => {
      if (outcome.kind === "hashed") resolve(outcome.encoded === digestEncoded(digest));
      else reject(unreadable(path, outcome.message, outcome.errno));
    };
    this.#lastId += 1;
    const job: Job = { id: this.#lastId, path, digest, size, settle, upTo: 0, attempts: 0, lane: undefined };
    if (!this.#closed && !this.#place(job)) this.#waiting.set(job.id, job);
    const extend = (bytes: number): void => {
      this.#extend(job, bytes);
    };
    const cancel = (): void => {
      this.#cancel(job);
    };
    return { extend, cancel, result: promise };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#waiting.clear();
    await Promise.all([this.#inline, ...this.#threads].map((lane) => lane.close()));
  }

  /** Says whether a lane had room. */
  #place(job: Job): boolean {
    const lane = job.size <= INLINE_BYTES ? this.#inline : this.#emptiest();
    if (lane.jobs.size >= MAX_PROOFS_AT_ONCE) return false;
    job.lane = lane;
    job.attempts += 1;
    lane.jobs.set(job.id, job);
    lane.order({ kind: "start", id: job.id, path: job.path, algorithm: digestAlgorithm(job.digest), size: job.size });
    if (job.upTo > 0) lane.order({ kind: "extend", id: job.id, bytes: job.upTo });
    return true;
  }

  #emptiest(): Lane {
    const [first, ...others] = this.#threads;
    if (first === undefined) return this.#inline;
    return others.reduce((emptiest, lane) => (lane.jobs.size < emptiest.jobs.size ? lane : emptiest), first);
  }

  #extend(job: Job, bytes: number): void {
    if (bytes <= job.upTo) return;
    job.upTo = Math.min(bytes, job.size);
    job.lane?.order({ kind: "extend", id: job.id, bytes: job.upTo });
  }

  #cancel(job: Job): void {
    this.#waiting.delete(job.id);
    const { lane } = job;
    if (lane?.jobs.delete(job.id) !== true) return;
    job.lane = undefined;
    lane.order({ kind: "cancel", id: job.id });
    this.#placeWaiting();
  }

  #settle(outcome: HashOutcome): void {
    for (const lane of [this.#inline, ...this.#threads]) {
      const job = lane.jobs.get(outcome.id);
      if (job === undefined) continue;
      lane.jobs.delete(outcome.id);
      job.lane = undefined;
      job.settle(outcome);
    }
    this.#placeWaiting();
  }

  #placeWaiting(): void {
    if (this.#closed) return;
    for (const job of this.#waiting.values()) {
      if (!this.#place(job)) return;
      this.#waiting.delete(job.id);
    }
  }

  #startAgain(lane: Lane, why: string): void {
    const jobs = [...lane.jobs.values()];
    lane.jobs.clear();
    this.#log.error("a hashing thread died", { error: why, proofs: jobs.length });
    for (const job of jobs) {
      job.lane = undefined;
      if (job.attempts >= MAX_ATTEMPTS)
        job.settle({ kind: "failed", id: job.id, message: `its hashing thread died again and again: ${why}` });
      else if (!this.#place(job)) this.#waiting.set(job.id, job);
    }
  }
}

/** Hashes on this thread. */
class InlineLane implements Lane {
  readonly jobs = new Map<number, Job>();
  readonly #onOutcome: (outcome: HashOutcome) => void;
  // Made with the first job: its read buffer is 1 MiB.
  #turns: HashTurns | undefined;

  constructor({ onOutcome }: LaneEvents) {
    this.#onOutcome = onOutcome;
  }

  order(order: HashOrder): void {
    this.#turns ??= new HashTurns(this.#onOutcome);
    this.#turns.obey(order);
  }

  close(): Promise<void> {
    this.jobs.clear();
    this.#turns?.close();
    return Promise.resolve();
  }
}

function unreadable(path: string, message: string, errno: string | undefined): StoreError {
  if (errno === "ENOENT") return new StoreError({ code: "blob-missing" }, `proving ${path}: the file is gone`);
  return new StoreError({ code: "disk-failed", ...(errno === undefined ? {} : { errno }) }, `proving ${path}: ${message}`);
}
