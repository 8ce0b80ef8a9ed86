import type { PeerLimits } from "@darner/peer-core";
import type { Logger, Timers } from "@darner/runtime";
import type { OnPoisoned } from "../containerd/ingest-abort.ts";
import type { Books } from "../books.ts";
import type { DaemonMetrics } from "../metrics.ts";
import type { RecordBook } from "../record/record-book.ts";
import type { SchedulerLink } from "../scheduler-link/scheduler-link.ts";
import type { Prover } from "../store/prover.ts";
import type { FirstUse } from "../store/rot/first-use.ts";
import type { BlobStore } from "../store/store.ts";
import type { Verify } from "./peer-blob.ts";
import type { ReadBuffers } from "./read-buffers.ts";
import type { TransferDeps } from "./transfers.ts";

/** What the peers of a daemon share. */
export type PeerDeps = {
  readonly limits: PeerLimits;
  readonly verify: Verify;
  readonly random: () => number;
  readonly timers: Timers;
  readonly log: Logger;
  readonly metrics: DaemonMetrics;
  readonly books: Books;
  readonly poisoned: OnPoisoned;
  readonly records: RecordBook;
  readonly store: BlobStore;
  readonly prover: Prover;
  /** Checks blobs of an earlier life of this process before a byte of them is given out. */
  readonly firstUse: FirstUse;
  readonly buffers: ReadBuffers;
  readonly transfers: TransferDeps;
  /** The line to the scheduler; a function, because line and peers need each other. */
  readonly link: () => SchedulerLink;
  /** Told of every completion on its way to the disk: the daemon waits for them before it closes the store. */
  readonly completing: (completion: Promise<void>) => void;
};
