import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";

/** What a prover tells whoever hashes for it. */
export type HashOrder =
  /** Open this file, to be hashed as it grows. */
  | { readonly kind: "start"; readonly id: number; readonly path: string; readonly algorithm: string; readonly size: number }
  /** The first `bytes` bytes are there. */
  | { readonly kind: "extend"; readonly id: number; readonly bytes: number }
  /** Nobody wants this one any more. */
  | { readonly kind: "cancel"; readonly id: number };

/** What became of one proof. */
export type HashOutcome =
  /** All bytes were hashed; `encoded` is their digest in hex. */
  | { readonly kind: "hashed"; readonly id: number; readonly encoded: string }
  /** The file could not be read. */
  | { readonly kind: "failed"; readonly id: number; readonly message: string; readonly errno?: string };

/** One file that is being hashed. */
type Turn = { readonly fd: number; readonly size: number; readonly hash: Hash; done: number; upTo: number };

// 1 MiB: 3 ms of sha256, after which the next file has its turn.
const STEP_BYTES = 1024 * 1024;

/**
 * Hashes many growing files in turns of 1 MiB on the thread it lives on, so that a large blob does not starve small ones.
 * Reads are synchronous: the thread has nothing better to do, and messages are heard between turns.
 */
export class HashTurns {
  readonly #report: (outcome: HashOutcome) => void;
  // Bounded by the prover that sends them (MAX_PROOFS_AT_ONCE in lane-prover.ts).
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
        this.#start(order.id, order.path, order.algorithm, order.size);
        return;
      case "extend":
        this.#extend(order.id, order.bytes);
        return;
      case "cancel":
        this.#cancel(order.id);
    }
  }

  /** Forgets all files. */
  close(): void {
    for (const id of [...this.#turns.keys()]) this.#cancel(id);
  }

  #start(id: number, path: string, algorithm: string, size: number): void {
    try {
      this.#turns.set(id, { fd: openSync(path, "r"), size, hash: createHash(algorithm), done: 0, upTo: 0 });
    } catch (error) {
      this.#report(failed(id, error));
      return;
    }
    if (size === 0) this.#makeReady(id);
  }

  #extend(id: number, bytes: number): void {
    const turn = this.#turns.get(id);
    if (turn === undefined || bytes <= turn.upTo) return;
    turn.upTo = Math.min(bytes, turn.size);
    this.#makeReady(id);
  }

  #cancel(id: number): void {
    const turn = this.#turns.get(id);
    if (turn === undefined) return;
    this.#turns.delete(id);
    this.#ready.delete(id);
    closeSync(turn.fd);
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
      this.#cancel(id);
      this.#report(failed(id, error));
      return;
    }
    if (turn.done < turn.upTo) this.#ready.add(id);
    if (turn.done < turn.size) return;
    this.#cancel(id);
    this.#report({ kind: "hashed", id, encoded: turn.hash.digest("hex") });
  }
}

function failed(id: number, error: unknown): HashOutcome {
  const message = error instanceof Error ? error.message : String(error);
  const errno = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
  return { kind: "failed", id, message, ...(errno === undefined ? {} : { errno }) };
}
