import { randomBytes } from "node:crypto";
import { renameSync } from "node:fs";
import { statfs, truncate, unlink } from "node:fs/promises";
import { join } from "node:path";

import { taskId, type Task } from "@darner/domain";

import type { Backing, BlobBacking, SpoolBacking } from "../shelf/backing.ts";
import type { SideBytes } from "../pieces/piece-places.ts";
import type { BlobFacts } from "../store.ts";
import type { BlobRecord } from "./blob-record.ts";
import { DiskBlob, type DiskParts } from "./disk-blob.ts";
import type { DiskLayout } from "./layout.ts";
import { OpenFile } from "./open-file.ts";
import type { BlobRecords } from "./records.ts";

/** What the store asks the disk: blocks left for us, and how large one is (statfs(2)). */
export type DiskSpace = (path: string) => Promise<{ readonly bavail: number; readonly bsize: number }>;

/** Blobs as files in an OCI image layout, with records in `level`. */
export class DiskBacking implements Backing {
  readonly parts: DiskParts;
  readonly #space: DiskSpace;
  #names = 0;

  constructor(layout: DiskLayout, records: BlobRecords, boot: string, space: DiskSpace = statfs) {
    this.parts = { layout, records, boot, trashName: () => this.#name("trash") };
    this.#space = space;
  }

  async create(task: Task, facts: BlobFacts, atMs: number): Promise<BlobBacking> {
    const record = this.#newRecord(facts, atMs);
    const path = this.parts.layout.incomingFile(task, record.incarnation);
    return this.#blob(task, record, await OpenFile.create(path, task.size));
  }

  /** The file has no name: whatever happens, nothing is left of it. */
  async openSide(): Promise<SideBytes> {
    const file = await OpenFile.create(this.#name("side"), 0);
    await unlink(file.path);
    return {
      write: (buffers, position) => file.write(buffers, position),
      read: (position, into) => file.read(position, into),
      close: () => {
        file.rest();
      },
    };
  }

  async openSpool(): Promise<SpoolBacking> {
    const file = await OpenFile.create(this.#name("spool"), 0);
    let became = false;
    return {
      write: (buffers, position) => file.write(buffers, position),
      read: (position, into) => file.read(position, into),
      close: () => {
        file.rest();
        // A file that cannot be removed now is removed when the store is opened next.
        if (!became) void unlink(file.path).catch(() => undefined);
        became = true;
      },
      become: async (task, facts, atMs) => {
        const record = this.#newRecord(facts, atMs);
        const path = this.parts.layout.incomingFile(task, record.incarnation);
        await truncate(file.path, task.size);
        renameSync(file.path, path);
        became = true;
        return this.#blob(task, record, new OpenFile(path));
      },
    };
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await this.#space(this.parts.layout.dir);
    return bavail * bsize;
  }

  close(): Promise<void> {
    return this.parts.records.close();
  }

  #blob(task: Task, record: BlobRecord, file: OpenFile): DiskBlob {
    this.parts.records.putBlob(taskId(task), record);
    return new DiskBlob(this.parts, task, record, file);
  }

  #newRecord(facts: BlobFacts, atMs: number): BlobRecord {
    return { complete: false, incarnation: randomBytes(6).toString("hex"), boot: this.parts.boot, lastUseMs: atMs, facts };
  }

  #name(kind: string): string {
    this.#names += 1;
    return join(this.parts.layout.spool, `${kind}-${String(this.#names)}`);
  }
}
