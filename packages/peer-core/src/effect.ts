import type { HostId, PieceHash, PieceRun } from "@darner/domain";
import type { PeerReport, ReaderId } from "./event.ts";

/** Why a source read happened without the scheduler's word, for the metric that books it. */
export type SourceCause = "granted" | "no-scheduler" | "starved" | "hedge" | "failed-proof";

/** What a peer wants done. */
export type PeerEffect =
  /** Ask a parent for the pieces of a run that are still missing. `transfer` names this from now on. */
  | {
      readonly type: "fetch-pieces";
      readonly transfer: number;
      readonly parent: { readonly host: HostId; readonly address: string };
      readonly run: PieceRun;
    }
  /** Read one contiguous run from the source. */
  | { readonly type: "read-source"; readonly transfer: number; readonly run: PieceRun; readonly cause: SourceCause }
  /** End a transfer; no `transfer-ended` is owed for it, pieces that still land count. */
  | { readonly type: "cancel-transfer"; readonly transfer: number }
  /** Pieces are right: claim them in the store, offer them to others, wake readers. */
  | { readonly type: "accept-pieces"; readonly pieces: readonly PieceHash[]; readonly from: "source" | "parent" }
  /** A piece is wrong: count it against its sender. */
  | { readonly type: "refuse-piece"; readonly piece: number; readonly from: HostId | "source" }
  | { readonly type: "tell-scheduler"; readonly report: PeerReport }
  /** Every piece is verified: finish the proof of the digest. */
  | { readonly type: "finish-proof" }
  /** The blob is proven: complete it in the store. */
  | { readonly type: "complete-blob" }
  /** The bytes are wrong as a whole: quarantine them; readers end short. The peer begins again with an empty `have`. */
  | { readonly type: "drop-blob" }
  /** Nobody can give what these readers wait for: end them; the peer has forgotten them. `retryAfterMs` 0 where nothing is known of a better time. */
  | {
      readonly type: "fail-readers";
      readonly reason: "starved" | "limited" | "refused" | "wrong-bytes" | "disk-refused" | "timed-out";
      readonly retryAfterMs: number;
      readonly readers: readonly ReaderId[];
    }
  /** The peer is over: nobody wants the blob any more, or it is complete. */
  | { readonly type: "end-peer" };
