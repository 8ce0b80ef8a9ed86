import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

import type { Logger } from "@darner/runtime";

import type { HashOrder, HashOutcome } from "./proof/hash-turns.ts";
import { LaneProver, type Lane, type LaneEvents } from "./proof/lane-prover.ts";
import type { Prover } from "./prover.ts";

/** How a prover is opened. */
export type ProverConfig = {
  /** Hashing threads; as many as there are cores, at most 2, where it is not said. */
  readonly workers?: number;
  readonly log: Logger;
};

// 2: sha256 needs a core for 0.35 GB/s; two of them keep up with 5 Gbit/s and leave the rest of the machine to the pods.
const DEFAULT_WORKERS = 2;
// 30 s without a proof: an idle daemon is some 10 MB smaller without a thread, and starting one takes 50 ms.
const IDLE_AFTER_MS = 30_000;

/** Opens a prover that hashes in worker threads; they are started when the first large blob comes and end when none came for a while. */
export function openProver({ workers = Math.min(DEFAULT_WORKERS, availableParallelism()), log }: ProverConfig): Prover {
  return new LaneProver(log, (events) => Array.from({ length: Math.max(1, workers) }, () => openThread(events)));
}

/** One hashing thread, started when it is first needed. */
export function openThread(events: LaneEvents): Lane {
  return new WorkerLane(events);
}

/** Hashes in a worker thread, which keeps the process alive only while it has something to do. */
class WorkerLane implements Lane {
  readonly #events: LaneEvents;
  #worker: Worker | undefined;
  #load = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(events: LaneEvents) {
    this.#events = events;
  }

  get load(): number {
    return this.#load;
  }

  order(order: HashOrder): void {
    if (order.kind === "start") this.#load += 1;
    this.#worker ??= this.#start();
    this.#worker.postMessage(order);
    this.#keepAlive(this.#worker);
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    this.#load = 0;
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL("./proof/prover-worker.ts", import.meta.url));
    let why = "it ended by itself";
    worker.on("message", (outcome: HashOutcome) => {
      if (this.#worker === worker) this.#load -= 1;
      this.#events.onOutcome(outcome);
      this.#keepAlive(worker);
    });
    worker.on("error", (error) => {
      why = String(error);
    });
    worker.on("exit", () => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#load = 0;
      this.#events.onDeath(this, why);
    });
    return worker;
  }

  #keepAlive(worker: Worker): void {
    clearTimeout(this.#idle);
    if (this.#load > 0) {
      worker.ref();
      return;
    }
    worker.unref();
    this.#idle = setTimeout(() => void this.close(), IDLE_AFTER_MS).unref();
  }
}
