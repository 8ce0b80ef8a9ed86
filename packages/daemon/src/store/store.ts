import type { Digest, PieceHash, PieceSet, Task } from "@darner/domain";

/** What the store tells of one blob it holds, whole or in part. */
export type BlobSummary = { readonly task: Task; readonly complete: boolean; readonly have: PieceSet; readonly facts: BlobFacts };

/** Facts kept beside a blob, small and never secret. */
export type BlobFacts = {
  /** Media type, for manifests: served as the registry sent it. */
  readonly mediaType?: string;
  /** The registry whose piece table this unproven blob was checked against. */
  readonly registry?: string;
  /** Until when it is not evicted, in milliseconds since the epoch. */
  readonly pinnedUntilMs?: number;
};

/**
 * Takes the bytes of one piece in order into pooled buffers, hashes them with BLAKE3 on the way and writes them at the piece's place.
 * At most a few buffers wait for the disk at a time: where `space` has none, wait for `drained`.
 * Several writers of one piece do not harm each other: the first that ends counts, and what is verified is never written to again.
 */
export interface PieceWriter {
  readonly piece: number;
  /** Where the next bytes may be put: never empty, never past the piece's end; undefined while every buffer is on its way to the disk, and at the piece's end. */
  space(): Uint8Array | undefined;
  /** The first `bytes` of what `space` gave last are filled. */
  commit(bytes: number): void;
  /** Resolves when `space` has room again. Rejects where it never will: at the piece's end, after `abort`, where the disk refused. */
  drained(): Promise<void>;
  /** Waits until all bytes are on disk; gives the BLAKE3 hash (32 bytes) of the piece. Rejects with `StoreError` where the disk refused or a rival ended first with other bytes. */
  finish(): Promise<Uint8Array>;
  /** Gives up: what was written does not count. What `space` gave may still be written to; it is lent to nobody again. */
  abort(): void;
}

/** One blob in the store, held open; what is held open is never evicted. */
export interface StoredBlob extends Disposable {
  readonly task: Task;
  readonly complete: boolean;
  /** The verified pieces; live, not to be changed by the caller. */
  readonly have: PieceSet;
  readonly facts: BlobFacts;
  /** The file that holds the bytes now (it moves once, on completion). */
  readonly path: string;
  /** Throws only for a piece the blob does not have; for a blob that is gone the writer fails. The blob is held until the writer has ended. */
  writePiece(piece: number): PieceWriter;
  /** Claims pieces as verified: bitmap and hashes go to `level` after their bytes; listeners are told. Throws where no writer gave this hash. */
  markVerified(pieces: readonly PieceHash[]): void;
  /** Known BLAKE3 hashes of pieces of this blob (empty where it came in without pieces). */
  hashes(): PieceHash[];
  /** Reads `into.length` bytes at `offset`. Which bytes are verified is the caller's business. Rejects with `StoreError`. */
  read(offset: number, into: Uint8Array): Promise<void>;
  /** Called for every piece that becomes verified, and once with `undefined` when the blob is dropped. Gives back the way to stop. */
  onVerified(listener: (piece: number | undefined) => void): () => void;
  /** All pieces verified and the digest proven: fsync, rename into `blobs/`, facts and hashes kept. */
  markComplete(): Promise<void>;
  /** The bytes are wrong: out of the way at once, claims withdrawn. `kept`: the latest few small ones stay in `quarantine/` for whoever wants to know what happened. */
  quarantine(reason: string, kept?: "kept"): Promise<void>;
}

/** The blobs of this host. Reads and writes are by whole buffers; nothing is ever buffered whole. */
export interface BlobStore extends AsyncDisposable {
  /** Opens a blob that is there in full or in part; undefined where it is not. After a restart of the machine its `have` may still grow. A check is no use: it makes the blob no younger. */
  open(task: Task, why?: "use" | "check"): StoredBlob | undefined;
  /**
   * Opens a blob, making it where it is not there. Rejects with `StoreError` where there is no room for it. Pieces of an earlier boot are
   * hashed again before (for seconds at most), so that whoever fetches the blob knows from the start what is there.
   */
  openOrCreate(task: Task, facts: BlobFacts): Promise<StoredBlob>;
  /** Takes in a whole small blob (a manifest) whose digest the caller has already checked. */
  put(task: Task, bytes: Uint8Array, facts: BlobFacts): Promise<void>;
  /** The complete blob of a digest, whatever its size; undefined where there is none. */
  findComplete(digest: Digest): Task | undefined;
  /** Keeps a complete blob from eviction for so long from now on, also over a restart; a longer pin that is there stays. */
  pin(task: Task, ms: number): void;
  /** Everything the store holds. */
  list(): BlobSummary[];
  /** A new file for a blob of unknown size; moved into the store by `adopt`, gone with `discard`. */
  spool(): Promise<Spool>;
  readonly usage: { readonly bytes: number; readonly blobs: number; readonly maxBytes: number };
  /** Called when a blob was evicted or quarantined. */
  onDropped(listener: (task: Task) => void): () => void;
}

/** Bytes of a blob of unknown size on their way in. */
export interface Spool {
  append(bytes: Uint8Array): Promise<void>;
  readonly bytes: number;
  read(offset: number, into: Uint8Array): Promise<void>;
  /** The caller has proven the digest of all that was appended: the file becomes the complete blob. */
  adopt(digest: Digest, facts: BlobFacts): Promise<void>;
  discard(): Promise<void>;
}
