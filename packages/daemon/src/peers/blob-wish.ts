import type { Priority } from "@darner/domain";
import type { SourceLocation } from "../source/source-location.ts";
import type { BlobFacts } from "../store/store.ts";

/** What makes a blob wanted. */
export type BlobWish = {
  readonly source: SourceLocation | undefined;
  readonly priority: Priority;
  readonly facts: BlobFacts & { readonly registry: string };
  /** Bytes that came through another registry than `facts` names are not to be opened: the blob is refused as `not-shown`. Default: they are. */
  readonly ownOnly?: boolean;
};
