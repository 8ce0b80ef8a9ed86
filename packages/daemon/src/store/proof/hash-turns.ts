import { createHash, type Hash } from "node:crypto";
import { readSync } from "node:fs";

/** What a prover tells whoever hashes for it. */
export type HashOrder =
  /** Hash this file as it grows; it stays open until an outcome was reported. */
  | { readonly kind: "start"; readonly id: number; readonly fd: number; readonly algorithm: string; readonly size: number }
  /** The first `bytes` bytes are there. */
  | { readonly kind: "extend"; readonly id: number; readonly bytes: number }
  /** Nobody wants this one any more. */
  | { readonly kind: "cancel"; readonly id: number };

/** What became of one proof; after it the file is not read any more. Each proof has exactly one. */
export type HashOutcome =
  /** All bytes were hashed; `encoded` is their digest in hex. */
  | { readonly kind: "hashed"; readonly id: number; readonly encoded: string }
  /** The file could not be read. */
  | { readonly kind: "failed"; readonly id: number; readonly message: string }
  /** It was cancelled. */
  | { readonly kind: "cancelled"; readonly id: number };

/** One file that is being hashed. */
type Turn = { readonly fd: number; readonly size: number; readonly hash: Hash; done: number; upTo: number };

// 1 MiB: 3 ms of sha256, after which the next file has its turn.
const STEP_BYTES = 1024 * 1024;

/**
 * Hashes many growing files in turns of 1 MiB on the thread it lives on, so that a large blob does not starve small ones.
 * Reads are synchronous: the thread has nothing better to do, and orders are heard between turns.
 */
export class HashTurns {
  readonly #report: (outcome: HashOutcome) => void;
  // One for each proof that is under way: bounded by the blobs on their way in, each of which has an open file already.
  readonly #turns = new Map<number, Turn>();
  /** Files with bytes to hash, next first. */
  readonly #ready = new Set<number>();
  readonly #buffer = Buffer.allocUnsafeSlow(STEP_BYTES);
  #running = false;

  constructor(report: (outcome: HashOutcome) => void) {
    this.#report = report;
  }

  obey(order: HashOrder): void {
    switch (order.kind) {
      case "start":
        this.#start(order.id, order.fd, order.algorithm, order.size);
        return;
      case "extend":
        this.#extend(order.id, order.bytes);
        return;
      case "cancel":
        if (this.#turns.has(order.id)) this.#end({ kind: "cancelled", id: order.id });
    }
  }

  /** Forgets everything without a word. */
  clear(): void {
    this.#turns.clear();
    this.#ready.clear();
  }

  #start(id: number, fd: number, algorithm: string, size: number): void {
    this.#turns.set(id, { fd, size, hash: createHash(algorithm), done: 0, upTo: 0 });
    if (size === 0) this.#makeReady(id);
  }

  #extend(id: number, bytes: number): void {
    const turn = this.#turns.get(id);
    if (turn === undefined || bytes <= turn.upTo) return;
    turn.upTo = Math.min(bytes, turn.size);
    this.#makeReady(id);
  }

  #makeReady(id: number): void {
    this.#ready.add(id);
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => {
      this.#next();
    });
  }

  #next(): void {
    this.#running = false;
    const [id] = this.#ready;
    const turn = id === undefined ? undefined : this.#turns.get(id);
    if (id === undefined || turn === undefined) return;
    this.#ready.delete(id);
    this.#step(id, turn);
    const [another] = this.#ready;
    if (another !== undefined) this.#makeReady(another);
  }

  #step(id: number, turn: Turn): void {
    try {
      const bytes = Math.min(STEP_BYTES, turn.upTo - turn.done);
      const got = bytes === 0 ? 0 : readSync(turn.fd, this.#buffer, 0, bytes, turn.done);
      if (got === 0 && bytes > 0) throw new Error(`the file ends at ${String(turn.done)}, before ${String(turn.size)}`);
      turn.hash.update(this.#buffer.subarray(0, got));
      turn.done += got;
    } catch (error) {
      this.#end({ kind: "failed", id, message: error instanceof Error ? error.message : String(error) });
      return;
    }
    if (turn.done === turn.size) this.#end({ kind: "hashed", id, encoded: turn.hash.digest("hex") });
    else if (turn.done < turn.upTo) this.#ready.add(id);
  }

  #end(outcome: HashOutcome): void {
    this.#turns.delete(outcome.id);
    this.#ready.delete(outcome.id);
    this.#report(outcome);
  }
}
