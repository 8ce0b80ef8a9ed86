import { DarnerError } from "@darner/domain";

/** Why a reader gets no more of a blob. */
export type BlobFailureDetail = {
  readonly code:
    "starved" | "limited" | "refused" | "wrong-bytes" | "disk-refused" | "timed-out" | "busy" | "other-registry" | "stopping" | "not-shown";
  /** When to ask again, 0 where that is not known. */
  readonly retryAfterMs: number;
};

const MESSAGES: Readonly<Record<BlobFailureDetail["code"], string>> = {
  starved: "no live host holds the blob and the registry cannot be asked for it",
  limited: "the registry asked not to be asked for now",
  refused: "the registry refused to give the blob",
  "wrong-bytes": "the bytes that came do not have the blob's digest",
  "disk-refused": "the disk of this host refused",
  "timed-out": "no byte came in time",
  busy: "this host has as many blobs on their way as it may",
  "other-registry": "the blob is on its way through another registry and not proven yet",
  stopping: "the daemon is stopping",
  "not-shown": "the bytes at hand came through another registry",
};

/** A blob that cannot be read on; the cause is the registry's or the disk's error where there is one. */
export class BlobFailure extends DarnerError<BlobFailureDetail> {
  constructor(detail: BlobFailureDetail, cause?: unknown) {
    super(detail, MESSAGES[detail.code], { cause });
  }
}
