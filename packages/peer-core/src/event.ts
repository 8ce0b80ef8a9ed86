import type { PieceHash, PieceSet, Priority, ReportOfTask, SourceAccess, Task } from "@darner/domain";
import type { PeerGrant } from "./grant.ts";

/** Names one reader of the peer: one response that consumes the blob in order. */
export type ReaderId = number;

/** Why a transfer ended before its last piece. */
export type TransferFailure =
  | { readonly code: "channel-lost" | "parent-silent" | "parent-refused" | "disk-refused" | "source-refused" | "source-without-range" }
  | { readonly code: "source-unavailable" | "source-limited"; readonly retryAfterMs: number };

/** What can happen to a peer: one host's part in one task. */
export type PeerEvent =
  /**
   * The peer begins. `have`: verified pieces the store already holds. `schedulerLive`: whether a session with a scheduler stands;
   * `lostForMs`: where none does, and one did before, for how long.
   */
  | {
      readonly type: "peer-started";
      readonly task: Task;
      readonly registry: string;
      readonly access: SourceAccess;
      readonly sequential: boolean;
      readonly priority: Priority;
      readonly have: PieceSet;
      readonly schedulerLive: boolean;
      readonly lostForMs?: number;
    }
  /** Another request came with (perhaps) more right to read the source. Access never gets less while the peer lives, but for `source-refused`. */
  | { readonly type: "access-changed"; readonly access: SourceAccess }
  /** A reader came to what was begun as a preheat: from now on somebody waits. */
  | { readonly type: "priority-raised" }
  /** A reader began that wants pieces from `next` up to `end` (exclusive). */
  | { readonly type: "reader-opened"; readonly reader: ReaderId; readonly next: number; readonly end: number }
  /** A reader's next piece is now `next`. */
  | { readonly type: "reader-advanced"; readonly reader: ReaderId; readonly next: number }
  | { readonly type: "reader-closed"; readonly reader: ReaderId }
  /** The session with a scheduler began (again): nothing it said before holds. */
  | { readonly type: "scheduler-found" }
  /** The session with the scheduler ended: its grants run on, no new ones will come. */
  | { readonly type: "scheduler-lost" }
  | { readonly type: "grant-received"; readonly grant: PeerGrant }
  | { readonly type: "grant-revoked"; readonly grant: number }
  | { readonly type: "table-received"; readonly hashes: readonly PieceHash[] }
  | { readonly type: "standing-told"; readonly standing: "fed" | "starved" | "limited" | "struck"; readonly retryAfterMs: number }
  /** The bytes of a piece are on disk and have this BLAKE3 hash; whether they are right is decided here. */
  | { readonly type: "piece-landed"; readonly transfer: number; readonly piece: number; readonly hash: Uint8Array }
  /** A transfer begun by `fetch-pieces` or `read-source` is over; `failure` absent: it sent everything. */
  | { readonly type: "transfer-ended"; readonly transfer: number; readonly failure?: TransferFailure }
  /** The scheduler says the table was wrong. */
  | { readonly type: "restart-ordered" }
  /** The blob has its digest. */
  | { readonly type: "proof-succeeded" }
  /** All pieces are as the table says, and the blob does not have its digest. */
  | { readonly type: "proof-failed" }
  /** The deadline that `nextDeadline` named has come. */
  | { readonly type: "time-passed" };

/** A message of a peer to the scheduler. */
export type PeerReport = ReportOfTask<{ readonly failure: TransferFailure | { readonly code: "piece-refused"; readonly piece: number } }>;
