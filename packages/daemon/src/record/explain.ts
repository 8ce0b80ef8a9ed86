import type { Digest, HostId } from "@darner/domain";
import type { BlobStore } from "../store/store.ts";
import type { BlobAccount } from "./blob-account.ts";
import type { RecordBook } from "./record-book.ts";

/** Everything a daemon can say about a digest. */
export type BlobExplanation = {
  readonly digest: Digest;
  readonly host: HostId;
  readonly name: string;
  /** What the store holds of it now; a digest that is claimed with two sizes has two rows. */
  readonly stored: readonly { readonly bytes: number; readonly pieces: number; readonly held: number; readonly complete: boolean }[];
  /** How often it was read from the store when it was complete, since the daemon started. */
  readonly readsFromDisk: number;
  /** How it came here: once a time it was fetched, the latest last. */
  readonly accounts: readonly BlobAccount[];
};

/** What an explanation is read off. */
export type ExplainParts = { readonly host: HostId; readonly name: string; readonly records: RecordBook; readonly store: BlobStore };

/** Says what is known of a digest; undefined where nothing is. */
export function explain(digest: Digest, { host, name, records, store }: ExplainParts): BlobExplanation | undefined {
  const stored = store
    .list()
    .filter(({ task }) => task.digest === digest)
    .map(({ task, have, complete }) => ({ bytes: task.size, pieces: have.size, held: complete ? have.size : have.count, complete }));
  const accounts = records.accountsOf(digest);
  if (stored.length === 0 && accounts.length === 0) return undefined;
  return { digest, host, name, stored, readsFromDisk: records.readsFromDisk(digest), accounts };
}
