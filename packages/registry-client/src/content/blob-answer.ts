import type { ByteRange } from "@darner/domain";
import type { HopAnswer } from "../wire/hops.ts";
import type { Upstream } from "../wire/upstream.ts";
import { isPage } from "./content-head.ts";
import { failureOf, invalidAnswer } from "./failure.ts";
import { contentLength, contentRange, isEncoded, type Headers } from "./headers.ts";

/** What a try for a blob asked. */
export type BlobAsk = {
  readonly wanted: ByteRange;
  /** Whether the request carried a Range. */
  readonly ranged: boolean;
  /** Whether all of the blob is wanted, so that a whole answer serves as well. */
  readonly coversAll: boolean;
  readonly size: number;
};

/** A body that can be taken: which bytes of the blob it is. */
export type Delivery = { readonly kind: "body" } & ByteRange;

/** What an answer to a GET of a blob is good for. */
export type BlobVerdict = Delivery | { readonly kind: "range-ignored" };

/** Checks an answer before any of its bytes is taken; rejects with `RegistryError` where it is no use. */
export async function judgeBlobAnswer(upstream: Upstream, sent: HopAnswer, asked: BlobAsk): Promise<BlobVerdict> {
  const { answer } = sent;
  const { status, headers } = answer;
  if (status !== 200 && status !== 206 && status !== 416) throw await failureOf(upstream, sent);
  const verdict = status === 416 ? "a 416 for a range inside the blob" : status === 206 ? partOf(headers, asked) : wholeOf(headers, asked);
  if (typeof verdict !== "string") {
    if (verdict.kind === "range-ignored") answer.discard();
    return verdict;
  }
  answer.discard();
  throw invalidAnswer(upstream, verdict);
}

function wholeOf(headers: Headers, { ranged, coversAll, size }: BlobAsk): BlobVerdict | string {
  if (isEncoded(headers)) return "an encoded blob";
  const length = contentLength(headers);
  if (isPage(headers) && length !== size) return "an HTML page instead of a blob";
  if (length !== undefined && length !== size) return `a blob of ${String(length)} bytes, not ${String(size)}`;
  return ranged && !coversAll ? { kind: "range-ignored" } : { kind: "body", start: 0, end: size };
}

function partOf(headers: Headers, { wanted, ranged, size }: BlobAsk): Delivery | string {
  if (isEncoded(headers)) return "an encoded blob";
  const range = contentRange(headers);
  if (!ranged || range === undefined) return "a 206 that does not fit the question";
  const { start, end, total = size } = range;
  if (start !== wanted.start || end > wanted.end || total !== size) {
    return `bytes ${String(start)} to ${String(end)} of ${String(total)}, not ${String(wanted.start)} to ${String(wanted.end)} of ${String(size)}`;
  }
  const length = contentLength(headers);
  // A shorter part than asked for is allowed; the rest is asked for next.
  return length === undefined || length === end - start ? { kind: "body", start, end } : "a 206 whose length is not that of its range";
}
