import type { Digest } from "@darner/domain";

/** The running proof of one blob's digest: the contiguous prefix is hashed off the main thread as it grows. */
export interface Proof {
  /** Bytes [0, `bytes`) of the file are verified and on disk: hash up to there. Calls with less than before are ignored. */
  extend(bytes: number): void;
  /** Resolves once `size` bytes were hashed: whether they have the digest. Rejects where the file cannot be read. */
  readonly result: Promise<boolean>;
  /** Stops hashing; `result` then never settles. */
  cancel(): void;
}

/** Proves digests (sha256, sha512) in worker threads; a bounded number of proofs share them. */
export interface Prover extends AsyncDisposable {
  /** Starts a proof over the file at `path`, which must stay there under this name or be open already (it is opened at once). */
  prove(path: string, digest: Digest, size: number): Proof;
}
