import type { PieceHash } from "@darner/domain";
import type { StoredBlob } from "../store/store.ts";
import { BlobFailure } from "./blob-failure.ts";
import type { BlobStream } from "./blob-stream.ts";
import type { ReadBuffers } from "./read-buffers.ts";
import { tableOf } from "./table-of.ts";

/** What a peer had of a blob before it was proven by another way, compared with what is proven. */
export type AgainstProven = {
  readonly wrong: readonly number[];
  /** Whether the peer's own registry has shown that it has the blob: only then may its readers have bytes that came through another. */
  readonly hasShown: boolean;
};

/** Compares the lines a peer told with the proven blob. Rejects with `StoreError`. */
export async function againstProven(told: readonly PieceHash[], proven: StoredBlob, buffers: ReadBuffers): Promise<AgainstProven> {
  const right = await tableOf(proven, buffers);
  const wrong = told.flatMap(({ piece, hash }) => (Buffer.compare(hash, right[piece]?.hash ?? new Uint8Array()) === 0 ? [] : [piece]));
  return { wrong, hasShown: wrong.length === 0 && told.length > 0 };
}

/** Readers of the peer go on with proven bytes, where they may; the others end short. */
export function goOn(streams: Iterable<BlobStream>, compared: AgainstProven): void {
  for (const stream of streams) {
    const failure = failureOf(stream, compared);
    if (failure === undefined) stream.wake();
    else stream.fail(failure);
  }
}

/** Why a reader of the peer cannot go on with the proven bytes; undefined where it can. */
function failureOf(stream: BlobStream, { wrong, hasShown }: AgainstProven): BlobFailure | undefined {
  if (wrong.some((piece) => stream.hasGiven(piece))) return new BlobFailure({ code: "wrong-bytes", retryAfterMs: 0 });
  return hasShown ? undefined : new BlobFailure({ code: "not-shown", retryAfterMs: 0 });
}
