import { randomBytes } from "node:crypto";
import type { ByteRange } from "@darner/domain";
import type { Exchange } from "../connection/exchange.ts";
import type { BodyEnd } from "../connection/send-body.ts";

/** A multipart/byteranges body (RFC 9110 14.6), laid out before its first byte so that its length can be promised. */
export type Multipart = {
  readonly contentType: string;
  readonly length: number;
  readonly parts: readonly { readonly head: Buffer; readonly range: ByteRange }[];
  readonly tail: Buffer;
};

// 120 random bits: clients search for the boundary, and who made the blob must not be able to put it there.
const BOUNDARY_BYTES = 15;

/** Lays out the parts of several ranges of a blob of `size` bytes. */
export function multipartOf(ranges: readonly ByteRange[], size: number): Multipart {
  const boundary = randomBytes(BOUNDARY_BYTES).toString("hex");
  const parts = ranges.map((range, at) => ({
    range,
    head: Buffer.from(
      `${at === 0 ? "" : "\r\n"}--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: ${contentRange(range, size)}\r\n\r\n`,
    ),
  }));
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const length = parts.reduce((sum, { head, range }) => sum + head.length + range.end - range.start, tail.length);
  return { contentType: `multipart/byteranges; boundary=${boundary}`, length, parts, tail };
}

/** Sends the parts one after the other; `sendRange` sends the bytes of one. */
export async function sendMultipart(
  exchange: Exchange,
  multipart: Multipart,
  sendRange: (range: ByteRange) => Promise<BodyEnd>,
): Promise<BodyEnd> {
  for (const { head, range } of multipart.parts) {
    await exchange.write(head);
    const end = await sendRange(range);
    if (!end.whole) return end;
  }
  await exchange.write(multipart.tail);
  return { whole: true };
}

/** The value of a Content-Range header. */
export function contentRange(range: ByteRange, size: number): string {
  return `bytes ${String(range.start)}-${String(range.end - 1)}/${String(size)}`;
}
