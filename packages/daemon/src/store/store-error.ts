import { DarnerError } from "@darner/domain";

/** What can go wrong in the store. */
export type StoreTrouble =
  /** Neither the byte budget nor the disk has room, and nothing more may be evicted. */
  | { readonly code: "no-space"; readonly neededBytes?: number }
  /** The disk refused a read or a write. */
  | { readonly code: "disk-failed"; readonly errno?: string }
  /** The blob was evicted, quarantined or taken away by somebody while it was used. */
  | { readonly code: "blob-missing" }
  /** Another writer of the same piece ended first with other bytes: this one's bytes do not count. */
  | { readonly code: "piece-superseded"; readonly piece: number }
  /** The data directory is used by another daemon. */
  | { readonly code: "in-use"; readonly dir: string }
  /** The data directory was written by a newer version of Darner. */
  | { readonly code: "newer-version"; readonly dir: string; readonly version: number }
  /** The data directory cannot be made, read or written. */
  | { readonly code: "dir-unusable"; readonly dir: string }
  /** The store was closed. */
  | { readonly code: "closed" };

/** The error that the store, its blobs and their writers reject with. */
export class StoreError extends DarnerError<StoreTrouble> {}

// What the kernel says when there is no room: the disk is full, or the user's quota is.
const FULL: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"]);

/** The `StoreError` that a failed disk operation is, in the store's words; one that already is a `StoreError` stays itself. */
export function storeError(cause: unknown, attempt: string): StoreError {
  if (cause instanceof StoreError) return cause;
  const errno = errnoOf(cause);
  if (errno !== undefined && FULL.has(errno)) return new StoreError({ code: "no-space" }, `${attempt}: the disk is full`, { cause });
  if (errno === "ENOENT") return new StoreError({ code: "blob-missing" }, `${attempt}: the file is gone`, { cause });
  return new StoreError({ code: "disk-failed", ...(errno === undefined ? {} : { errno }) }, `${attempt}: ${String(cause)}`, { cause });
}

/** The error code of a failed system call (`ENOENT`); undefined where `cause` is no such failure. */
export function errnoOf(cause: unknown): string | undefined {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
}
