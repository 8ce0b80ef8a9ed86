import type { HostId, Opening, PieceHash, PieceRun, PieceSet, Task } from "@darner/domain";
import type { GrantId } from "./grant.ts";

/** Why a grant came to nothing, or only to a part of what it promised. */
export type GrantFailure =
  /** The parent could not be reached, or its channel broke. */
  | { readonly code: "parent-lost" }
  /** The parent gave no sign of life. */
  | { readonly code: "parent-silent" }
  /** The parent does not have the blob, or is too busy. */
  | { readonly code: "parent-refused" }
  /** The parent sent bytes that the piece table does not know. */
  | { readonly code: "piece-refused"; readonly piece: number }
  /** The registry did not answer, or its stream broke too often. */
  | { readonly code: "source-unavailable"; readonly retryAfterMs: number }
  /** The registry refused this host's credential (401, 403) or does not have the blob (404). */
  | { readonly code: "source-refused" }
  /** The registry wants nobody to ask for a while (429). */
  | { readonly code: "source-limited"; readonly retryAfterMs: number }
  /** The registry answers a Range with the whole blob: one reader must stream it all. */
  | { readonly code: "source-without-range" }
  /** The host's own disk refused. */
  | { readonly code: "disk-refused" };

/** What can happen to a scheduler. */
export type SchedulerEvent =
  /** A host's session began; it will announce what it holds. `address` is where its piece channel is reached. */
  | { readonly type: "host-joined"; readonly host: HostId; readonly address: string; readonly zone: string; readonly seed: boolean }
  /** A host's session ended; its claims and grants are void. */
  | { readonly type: "host-lost"; readonly host: HostId }
  /** A host holds these pieces of a blob; `proven` where its digest is proven there (then `have` is full). `registry`: whose table they were checked against. */
  | {
      readonly type: "blob-announced";
      readonly host: HostId;
      readonly task: Task;
      readonly have: PieceSet;
      readonly proven: boolean;
      readonly registry: string;
    }
  /** A host evicted or quarantined a blob. */
  | { readonly type: "blob-dropped"; readonly host: HostId; readonly task: Task }
  /** A host wants a blob: it becomes a peer of the task. */
  | ({ readonly type: "peer-opened"; readonly host: HostId; readonly task: Task } & Opening)
  /** A host no longer wants a blob; what it holds of it stays announced. */
  | { readonly type: "peer-closed"; readonly host: HostId; readonly task: Task }
  /** A reader on this host waits for these pieces, first things first. */
  | { readonly type: "pieces-needed"; readonly host: HostId; readonly task: Task; readonly run: PieceRun }
  /** A host verified pieces. `hashes` has those it read from the source itself: lines for its registry's table. */
  | {
      readonly type: "pieces-verified";
      readonly host: HostId;
      readonly task: Task;
      readonly pieces: readonly PieceRun[];
      readonly hashes: readonly PieceHash[];
    }
  /** A host sends the piece table it holds of a blob, as asked by `ask-table`. */
  | { readonly type: "table-told"; readonly host: HostId; readonly task: Task; readonly hashes: readonly PieceHash[] }
  /** A grant is over on the host's side without having delivered all it promised; pieces verified before count. */
  | { readonly type: "grant-failed"; readonly host: HostId; readonly task: Task; readonly grant: GrantId; readonly failure: GrantFailure }
  /** A host proved the digest of a blob: it holds all of it and its table is everybody's. */
  | { readonly type: "blob-proven"; readonly host: HostId; readonly task: Task }
  /** A host holds bytes of every piece, all as the table says, and they do not have the digest. */
  | { readonly type: "proof-failed"; readonly host: HostId; readonly task: Task }
  /** Hosts come from another scheduler, one after the other: for `forMs` nothing is granted but what they read already. 0: all are there. */
  | { readonly type: "hosts-moving"; readonly forMs: number }
  /** The deadline that `nextDeadline` named has come. */
  | { readonly type: "time-passed" };
