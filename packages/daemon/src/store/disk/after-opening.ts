import { renameSync } from "node:fs";
import { unlink } from "node:fs/promises";

import { taskId, type PieceHash, type Task } from "@darner/domain";
import type { Logger } from "@darner/runtime";

import type { BlobEntry } from "../shelf/blob-entry.ts";
import type { BlobShelf } from "../shelf/blob-shelf.ts";
import type { Prover } from "../prover.ts";
import { openProver } from "../worker-prover.ts";
import type { BlobRecord } from "./blob-record.ts";
import { DiskBlob, type DiskParts } from "./disk-blob.ts";
import { OpenFile } from "./open-file.ts";
import { PieceRecheck } from "./recheck.ts";
import type { RecoveredBlob, Recovery } from "./recovery.ts";

/** What the work after opening needs. */
export type AfterOpeningParts = {
  readonly shelf: BlobShelf;
  readonly disk: DiskParts;
  readonly log: Logger;
  readonly clock: () => number;
  readonly prover: Prover | undefined;
  readonly sweepEveryMs: number;
};

/** What the store does in the background: hashes old pieces again, proves files without a record, keeps the disk from filling up. */
export class AfterOpening {
  readonly #parts: AfterOpeningParts;
  readonly #ending = new AbortController();
  #work: Promise<unknown> = Promise.resolve();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(parts: AfterOpeningParts) {
    this.#parts = parts;
  }

  /** Puts on the shelf what is sure and begins with the rest. */
  begin({ blobs, orphans }: Recovery): void {
    const { shelf, disk, sweepEveryMs } = this.#parts;
    const rechecks: PieceRecheck[] = [];
    for (const blob of blobs) {
      const { task, record, backing, claims } = blob;
      const isStale = !record.complete && record.boot !== disk.boot;
      const { facts, lastUseMs, complete } = record;
      const entry = shelf.admit({ task, facts, lastUseMs, complete, backing, verified: isStale ? [] : claims });
      if (!isStale) continue;
      const recheck = this.#recheckOf(entry, blob);
      entry.rechecking = recheck;
      rechecks.push(recheck);
    }
    this.#work = Promise.all([this.#recheckAll(rechecks), this.#proveAll(orphans), this.#sweep()]);
    this.#sweeper = setInterval(() => void this.#sweep(), sweepEveryMs).unref();
  }

  /** Ends the background work; what was not finished begins again when the store is opened next. */
  async end(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#ending.abort();
    await this.#work;
  }

  #recheckOf(entry: BlobEntry, { backing, claims }: RecoveredBlob): PieceRecheck {
    const { shelf, log } = this.#parts;
    const onRight = (piece: PieceHash): void => {
      shelf.rechecked(entry, piece);
    };
    const onEnd = (lost: readonly number[]): void => {
      backing.recheckEnded(lost);
      log.info("pieces of another boot were hashed again", { digest: entry.task.digest, pieces: claims.length, lost: lost.length });
    };
    return new PieceRecheck({ entry, claims, onRight, onEnd, closing: this.#ending.signal });
  }

  /** One blob after the other; whoever wants one of them begins with it at once. */
  async #recheckAll(rechecks: readonly PieceRecheck[]): Promise<void> {
    for (const recheck of rechecks) await recheck.run();
  }

  async #proveAll(orphans: readonly Task[]): Promise<void> {
    if (orphans.length === 0) return;
    const { log } = this.#parts;
    log.warn("complete files without a record: they count when their digest is proven", { files: orphans.length });
    const prover = this.#parts.prover ?? openProver({ workers: 1, log });
    for (const task of orphans) {
      if (this.#ending.signal.aborted) break;
      await this.#prove(prover, task).catch((error: unknown) => {
        log.error("a file without a record could not be dealt with", { digest: task.digest, error: String(error) });
      });
    }
    if (prover !== this.#parts.prover) await prover[Symbol.asyncDispose]();
  }

  async #prove(prover: Prover, task: Task): Promise<void> {
    const { shelf, disk, log, clock } = this.#parts;
    const path = disk.layout.blobFile(task);
    const proven = await this.#outcome(prover, path, task);
    // In the meantime the blob may have come in anew: then the file is that blob's.
    if (proven === undefined || shelf.findComplete(task.digest) !== undefined) return;
    if (!proven) {
      const trash = disk.trashName();
      renameSync(path, trash);
      log.warn("a file among the blobs does not have its digest and is removed", { digest: task.digest });
      await unlink(trash);
      return;
    }
    if (shelf.has(task)) return;
    const record: BlobRecord = { complete: true, incarnation: "0", boot: disk.boot, lastUseMs: clock(), facts: {} };
    disk.records.putBlob(taskId(task), record);
    const backing = new DiskBlob(disk, task, record, new OpenFile(path));
    shelf.admit({ task, facts: {}, lastUseMs: record.lastUseMs, complete: true, backing });
    await this.#sweep();
  }

  /** Whether the file has the digest; undefined where the store is closed before that is known. */
  async #outcome(prover: Prover, path: string, task: Task): Promise<boolean | undefined> {
    const { signal } = this.#ending;
    const { promise: closed, resolve } = Promise.withResolvers<undefined>();
    const stop = (): void => {
      resolve(undefined);
    };
    signal.addEventListener("abort", stop, { once: true });
    const proof = prover.prove(path, task.digest, task.size);
    proof.extend(task.size);
    // A file that cannot be read is not proven.
    const outcome = await Promise.race([proof.result.catch(() => false), closed]);
    signal.removeEventListener("abort", stop);
    proof.cancel();
    return outcome;
  }

  async #sweep(): Promise<void> {
    if (this.#ending.signal.aborted) return;
    try {
      await this.#parts.shelf.sweep();
    } catch (error) {
      this.#parts.log.error("the store could not make room", { error: String(error) });
    }
  }
}
