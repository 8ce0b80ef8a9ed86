import type { ByteRange, Task } from "@darner/domain";

/** What this host has of a blob, or will have, to compare with what a registry sends. */
export type BytesAtHand = {
  readonly task: Task;
  /** The pieces that a sample is best taken from; never empty. */
  readonly pieces: readonly number[];
  /** Reads `range`, waiting for what is on its way. Rejects with `BlobFailure` or `StoreError`. */
  read(range: ByteRange, signal: AbortSignal): Promise<Uint8Array>;
};
