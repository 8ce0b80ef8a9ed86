import type { Task } from "@darner/domain";
import type { RegistryClient } from "@darner/registry-client";
import type { Logger, Timers } from "@darner/runtime";
import type { Gate } from "../access/gate.ts";
import type { ShownBytes } from "../access/shown-bytes.ts";
import type { Contents } from "../access/contents.ts";
import type { Rights } from "../access/rights.ts";
import type { OnPoisoned } from "../containerd/ingest-abort.ts";
import type { Books } from "../books.ts";
import type { DaemonMetrics } from "../metrics.ts";
import type { PeerTable } from "../peers/peer-table.ts";
import type { ReadBuffers } from "../peers/read-buffers.ts";
import type { BlobStore } from "../store/store.ts";

/** What stands behind the mirror in a daemon. */
export type BackendDeps = {
  readonly gate: Gate;
  readonly rights: Rights;
  readonly contents: Contents;
  readonly shown: ShownBytes;
  readonly registry: RegistryClient;
  /** Which registry a name stands for: bytes are known by that one, whichever of its names they were asked by. */
  readonly registryBehind: (registry: string) => string;
  readonly store: BlobStore;
  readonly peers: PeerTable;
  readonly buffers: ReadBuffers;
  readonly timers: Timers;
  readonly log: Logger;
  readonly metrics: DaemonMetrics;
  readonly books: Books;
  readonly poisoned: OnPoisoned;
  readonly maxManifestBytes: number;
  readonly tagTtlMs: number;
  readonly graceMs: number;
  /** A blob came into the store whole, not through a peer: the scheduler is to know. */
  readonly announceComplete: (task: Task, registry: string) => void;
};
