import type { Digest, HostId, PieceRun, Priority, SourceAccess } from "@darner/domain";
import type { SourceCause } from "@darner/peer-core";

/** Where pieces came from: another host, or the registry. */
export type Origin = HostId | "source";

/** What one origin gave. Times are milliseconds since the account began. */
export type OriginAccount = {
  readonly from: Origin;
  /** Of its piece channel; empty for the source. */
  readonly address: string;
  readonly requests: number;
  readonly pieces: number;
  readonly bytes: number;
  /** Which pieces, as runs; the last ones are left out where there are too many. */
  readonly runs: readonly PieceRun[];
  /** When its first and its last right piece came; null where none did. */
  readonly firstMs: number | null;
  readonly lastMs: number | null;
  /** How often a request came to nothing, by why. */
  readonly failures: Readonly<Record<string, number>>;
  /** Pieces of it that were wrong. */
  readonly refused: number;
};

/** One read of the source. */
export type SourceRead = {
  readonly atMs: number;
  /** Null while it runs. */
  readonly endMs: number | null;
  readonly run: PieceRun;
  readonly cause: SourceCause;
  /** Why its first piece had not come another way; empty where nobody else was to bring it. */
  readonly instead: string;
  readonly pieces: number;
  readonly bytes: number;
  /** `done`, `cancelled`, or why it failed; null while it runs. */
  readonly end: string | null;
};

/** A reader stood still for a piece. */
export type ReaderWait = { readonly piece: number; readonly atMs: number; readonly ms: number; readonly from: Origin };

/** Something else that happened to the blob on this host. */
export type AccountNote = { readonly atMs: number; readonly what: string; readonly detail: string };

/** How one blob came to this host: what was fetched, from whom, when and why. Bounded, whatever the blob's size. */
export type BlobAccount = {
  readonly digest: Digest;
  readonly bytes: number;
  readonly pieces: number;
  readonly pieceBytes: number;
  readonly registry: string;
  readonly access: SourceAccess;
  readonly priority: Priority;
  /** The time of day it began at. */
  readonly began: string;
  /** `over`: nobody wanted it any more, or it could not be had. */
  readonly state: "fetching" | "proving" | "complete" | "over";
  readonly held: number;
  readonly heldBefore: number;
  /** Null for what did not happen (yet). */
  readonly ms: {
    readonly total: number;
    readonly firstPiece: number | null;
    readonly lastPiece: number | null;
    /** From the last piece to the proof of the digest. */
    readonly proof: number | null;
    /** While at least one reader stood still. */
    readonly waited: number;
  };
  readonly origins: readonly OriginAccount[];
  readonly sourceReads: readonly SourceRead[];
  readonly grants: { readonly fromHosts: number; readonly stripes: number; readonly revoked: number };
  readonly readers: { readonly opened: number; readonly failed: number };
  /** The longest ones. */
  readonly waits: readonly ReaderWait[];
  readonly notes: readonly AccountNote[];
  /** What there was no room for. */
  readonly leftOut: { readonly origins: number; readonly runs: number; readonly sourceReads: number; readonly notes: number };
};
