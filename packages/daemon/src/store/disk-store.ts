import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

import type { Logger } from "@darner/runtime";

import { BlobShelf } from "./shelf/blob-shelf.ts";
import { pieceBuffers, type BufferPool } from "./pieces/buffer-pool.ts";
import { AfterOpening } from "./disk/after-opening.ts";
import { DiskBacking, type DiskSpace } from "./disk/disk-backing.ts";
import { DiskLayout, unusable } from "./disk/layout.ts";
import { BlobRecords } from "./disk/records.ts";
import { recover } from "./disk/recovery.ts";
import type { Prover } from "./prover.ts";
import type { BlobStore } from "./store.ts";
import { StoreError } from "./store-error.ts";

/** Where the store is and how much it may take. */
export type DiskStoreConfig = {
  readonly dir: string;
  /** Complete blobs and those on their way in, together. */
  readonly maxBytes: number;
  /** What is left to others on the disk: below that, blobs are evicted. */
  readonly minFreeBytes: number;
};

/** What the store works with; all but the log have their obvious default. */
export type DiskStoreDeps = {
  readonly log: Logger;
  readonly clock?: () => number;
  /** The boot of the kernel that is running. */
  readonly bootId?: string;
  readonly statfs?: DiskSpace;
  readonly pool?: BufferPool;
  /** Proves complete files that no record vouches for; without one a prover is opened when there are any. */
  readonly prover?: Prover;
  readonly sweepEveryMs?: number;
};

// 30 s: other programs fill a disk at most at some GB a second, and `minFreeBytes` is measured in tens of GiB.
const SWEEP_EVERY_MS = 30_000;

/**
 * Opens the store in `config.dir`, making it where it is not there, and brings it in order after whatever ended the process before.
 * What needs long (pieces of another boot, files without a record) goes on in the background; nothing is claimed before it is sure.
 */
export async function openDiskStore(config: DiskStoreConfig, deps: DiskStoreDeps, signal?: AbortSignal): Promise<BlobStore> {
  const { log, clock = Date.now, bootId = currentBootId(), pool = pieceBuffers } = deps;
  const layout = new DiskLayout(config.dir);
  signal?.throwIfAborted();
  await layout.prepare();
  const { records, loaded } = await BlobRecords.open(layout.level, log);
  const backing = new DiskBacking(layout, records, bootId, deps.statfs);
  try {
    await layout.writeMarkers();
    const found = await recover(backing.parts, loaded, log);
    signal?.throwIfAborted();
    const shelf = new BlobShelf({ backing, limits: config, pool, log, clock });
    const { prover, sweepEveryMs = SWEEP_EVERY_MS } = deps;
    const after = new AfterOpening({ shelf, disk: backing.parts, log, clock, prover, sweepEveryMs });
    shelf.beforeClose(() => after.end());
    after.begin(found);
    return shelf;
  } catch (error) {
    await backing.close();
    if (error instanceof StoreError || signal?.aborted === true) throw error;
    throw unusable(config.dir, error);
  }
}

/** The running boot of the kernel; a random one where the system does not tell, so that everything is hashed again. */
function currentBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return randomUUID();
  }
}
