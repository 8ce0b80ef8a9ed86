import { pieceCount, PieceSet, taskId, type Task, type TaskId } from "@darner/domain";
import type { Logger } from "@darner/runtime";
import type { Prover } from "../prover.ts";
import type { BlobStore, StoredBlob } from "../store.ts";
import { findRot } from "./find-rot.ts";

/** A blob on its way through its first check: which pieces were found right, and when that changes. */
export type CheckedBlob = {
  readonly have: PieceSet;
  readonly isRight: () => boolean;
  /** Called whenever a piece was found right, and when the check is over. Gives back the way to stop. */
  onChange(listener: () => void): () => void;
  /** Resolves with whether the blob is as it was. */
  readonly ended: Promise<boolean>;
};

/** What first checks work with. */
export type FirstUseDeps = {
  readonly store: BlobStore;
  readonly prover: Prover;
  readonly log: Logger;
  /** A blob was found rotten and is out of the way. */
  readonly onRotten: (task: Task) => void;
};

/**
 * Blobs that were complete when the store was opened are checked again when they are first used: what a disk, or somebody with an editor,
 * did to them while no process looked is found before a byte of it leaves.
 */
export class FirstUse implements AsyncDisposable {
  readonly #deps: FirstUseDeps;
  readonly #unchecked: Set<TaskId>;
  // At most one entry a blob in use for the first time.
  readonly #running = new Map<TaskId, CheckedBlob>();
  readonly #ending = new AbortController();

  constructor(deps: FirstUseDeps) {
    this.#deps = deps;
    this.#unchecked = new Set(
      deps.store
        .list()
        .filter(({ complete }) => complete)
        .map(({ task }) => taskId(task)),
    );
    deps.store.onDropped((task) => this.#unchecked.delete(taskId(task)));
  }

  /** How many blobs were not looked at yet. */
  get unchecked(): number {
    return this.#unchecked.size;
  }

  /** The check of a blob that was not used since the store was opened, begun now or before; undefined for one that needs none. */
  of(blob: StoredBlob): CheckedBlob | undefined {
    const id = taskId(blob.task);
    if (!blob.complete || !this.#unchecked.has(id)) return undefined;
    const running = this.#running.get(id);
    if (running !== undefined) return running;
    const begun = this.#begin(blob.task);
    if (begun !== undefined) this.#running.set(id, begun);
    return begun;
  }

  /** The blob was checked by somebody else. */
  found(task: Task): void {
    this.#unchecked.delete(taskId(task));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  #begin(task: Task): CheckedBlob | undefined {
    const own = this.#deps.store.open(task, "check");
    if (own === undefined) return undefined;
    const have = new PieceSet(pieceCount(task.size));
    const listeners = new Set<() => void>();
    const changed = (): void => {
      for (const listener of [...listeners]) listener();
    };
    let right = false;
    const ended = this.#check(own, (piece) => {
      have.add(piece);
      changed();
    }).then((outcome) => {
      right = outcome;
      this.#running.delete(taskId(task));
      own[Symbol.dispose]();
      changed();
      return outcome;
    });
    const onChange = (listener: () => void): (() => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    };
    return { have, isRight: () => right, onChange, ended };
  }

  /** Never rejects. */
  async #check(blob: StoredBlob, onRight: (piece: number) => void): Promise<boolean> {
    const { prover, log, onRotten } = this.#deps;
    const { task } = blob;
    try {
      const rotten = await findRot(blob, { prover, take: () => Promise.resolve(), onRight, signal: this.#ending.signal });
      if (this.#ending.signal.aborted) return false;
      if (!rotten) {
        this.found(task);
        return true;
      }
      onRotten(task);
      await blob.quarantine(ROTTEN, "kept");
    } catch (error) {
      log.error("blob could not be checked at its first use", { task: task.digest, error });
    }
    return false;
  }
}

/** Why a rotten blob is put aside. */
export const ROTTEN = "its bytes are not what they were when it was proven";
