import { renameSync, statSync } from "node:fs";
import { readdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";

import { pieceCount, taskId, type PieceHash, type Task } from "@darner/domain";

import type { BlobBacking } from "../shelf/backing.ts";
import type { BlobFacts } from "../store.ts";
import { errnoOf } from "../store-error.ts";
import type { BlobRecord } from "./blob-record.ts";
import { syncFolder, type DiskLayout } from "./layout.ts";
import type { OpenFile } from "./open-file.ts";
import type { BlobRecords } from "./records.ts";

/** What the blobs of one store on disk share. */
export type DiskParts = {
  readonly layout: DiskLayout;
  readonly records: BlobRecords;
  readonly boot: string;
  /** A new name for a file that is about to go. */
  readonly trashName: () => string;
};

// 1 minute: eviction needs the order of hours; a record for each request would be one write for each request.
const NOTE_USE_EVERY_MS = 60_000;

// 1 GiB each, 4 of them: enough to see what a disk does to files, and no second store.
const MAX_KEPT_BYTES = 1024 ** 3;
const MAX_KEPT_FILES = 4;

/** One blob's file and records. */
export class DiskBlob implements BlobBacking {
  readonly #parts: DiskParts;
  readonly #task: Task;
  readonly #file: OpenFile;
  #record: BlobRecord;
  readonly #claimed = new Set<number>();

  constructor(parts: DiskParts, task: Task, record: BlobRecord, file: OpenFile) {
    this.#parts = parts;
    this.#task = task;
    this.#record = record;
    this.#file = file;
  }

  get path(): string {
    return this.#file.path;
  }

  write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    return this.#file.write(buffers, position);
  }

  read(position: number, into: Uint8Array): Promise<void> {
    return this.#file.read(position, into);
  }

  rest(): void {
    this.#file.rest();
  }

  claim(pieces: readonly PieceHash[]): void {
    for (const { piece } of pieces) this.#claimed.add(piece);
    this.#parts.records.putPieces(this.#record.incarnation, pieces);
  }

  /** Pieces that the records speak of already. */
  claimedBefore(pieces: Iterable<number>): void {
    for (const piece of pieces) this.#claimed.add(piece);
  }

  /** The pieces of an earlier boot were hashed again: what is claimed now counts for this boot, `wrong` is claimed no more. */
  recheckEnded(wrong: readonly number[]): void {
    for (const piece of wrong) this.#claimed.delete(piece);
    this.#parts.records.deletePieces(this.#record.incarnation, wrong);
    this.#put({ ...this.#record, boot: this.#parts.boot });
  }

  note(facts: BlobFacts, lastUseMs: number): void {
    const changed = facts !== this.#record.facts || Math.abs(lastUseMs - this.#record.lastUseMs) >= NOTE_USE_EVERY_MS;
    if (changed) this.#put({ ...this.#record, facts, lastUseMs });
  }

  hashes(): PieceHash[] {
    const table = this.#parts.records.table(taskId(this.#task));
    return table.length === pieceCount(this.#task.size) ? table : [];
  }

  /**
   * The record says *complete* after the bytes are durable and before the file has its final name: whoever finds it under the old name
   * after a crash only finishes the move. So no crash leaves a complete file that nobody vouches for.
   */
  async complete(hashes: readonly PieceHash[]): Promise<void> {
    const { layout, records } = this.#parts;
    await this.#file.sync();
    this.#record = { ...this.#record, complete: true, boot: this.#parts.boot };
    records.putBlob(taskId(this.#task), this.#record);
    records.putTable(taskId(this.#task), hashes);
    records.deletePieces(this.#record.incarnation, this.#claimed);
    await records.flush();
    this.#claimed.clear();
    const to = layout.blobFile(this.#task);
    renameSync(this.#file.path, to);
    this.#file.moved(to);
    await syncFolder(dirname(to));
    await syncFolder(layout.incoming);
  }

  async remove(kept?: "kept"): Promise<void> {
    const { layout, records, trashName } = this.#parts;
    const isKept = kept === "kept" && this.#task.size <= MAX_KEPT_BYTES;
    const trash = isKept ? layout.quarantineFile(this.#task) : trashName();
    const moved = renameIfThere(this.#file.path, trash);
    records.deletePieces(this.#record.incarnation, this.#claimed);
    records.deleteBlob(taskId(this.#task));
    this.#claimed.clear();
    if (moved && isKept) await trimQuarantine(layout);
    else if (moved) await unlink(trash);
  }

  #put(record: BlobRecord): void {
    this.#record = record;
    this.#parts.records.putBlob(taskId(this.#task), record);
  }
}

/** Removes all but the latest files of the quarantine. */
async function trimQuarantine({ quarantine }: DiskLayout): Promise<void> {
  const names = await readdir(quarantine);
  const files = names.map((name) => join(quarantine, name)).map((path) => ({ path, at: statSync(path).ctimeMs }));
  files.sort((left, right) => right.at - left.at);
  for (const { path } of files.slice(MAX_KEPT_FILES)) await unlink(path);
}

function renameIfThere(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}
