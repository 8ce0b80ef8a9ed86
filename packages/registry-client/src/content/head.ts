import type { ContentHead, ContentRequest } from "../registry-client.ts";
import type { HopAnswer } from "../wire/hops.ts";
import type { Upstream } from "../wire/upstream.ts";
import { ask, type ContentParts } from "./content-client.ts";
import { headOf, isPage, wholeLength } from "./content-head.ts";
import { failureOf, invalidAnswer } from "./failure.ts";
import { contentRange, single } from "./headers.ts";
import { readManifest } from "./manifest.ts";

// ECR Public says 401 to every HEAD, signed links say 403, others 400, 405 or 501 (contracts/registry-mirror.md 3.3).
const HEAD_REFUSED: ReadonlySet<number> = new Set([400, 401, 403, 405, 501]);

/** Asks what a manifest or blob is without its bytes; where HEAD is refused, with a GET of as few bytes as possible. */
export async function readHead(parts: ContentParts, upstream: Upstream, request: ContentRequest): Promise<ContentHead> {
  const sent = await ask(parts, upstream, request, "HEAD");
  if (!isInconclusive(sent, request.kind)) {
    const { status, headers } = sent.answer;
    if (status !== 200) throw await failureOf(upstream, sent);
    sent.answer.discard();
    if (isPage(headers)) throw invalidAnswer(upstream, `an HTML page instead of a ${request.kind}`);
    return headOf(headers, wholeLength(headers), request.kind);
  }
  sent.answer.discard();
  if (request.kind === "blob") return headByFirstByte(upstream, await ask(parts, upstream, request, "GET", { start: 0, end: 1 }));
  const { bytes: _bytes, ...head } = await readManifest(parts, upstream, request);
  return head;
}

function isInconclusive({ answer: { status, headers } }: HopAnswer, kind: "manifest" | "blob"): boolean {
  if (HEAD_REFUSED.has(status)) return true;
  // A Harbor proxy says 404 to a HEAD until it has the blob; a redirect to storage may end without a length.
  return kind === "blob" && (status === 404 || (status === 200 && !isPage(headers) && wholeLength(headers) === undefined));
}

async function headByFirstByte(upstream: Upstream, sent: HopAnswer): Promise<ContentHead> {
  const { answer, elsewhere } = sent;
  const { status, headers } = answer;
  const size = sizeIn(sent);
  if (size !== undefined || status === 200 || status === 206) {
    answer.discard();
    if (isPage(headers)) throw invalidAnswer(upstream, "an HTML page instead of a blob");
    return headOf(headers, size, "blob");
  }
  if (!elsewhere || status === 404) throw await failureOf(upstream, sent);
  // That the registry sent us on is its yes, whatever the storage host then says to this kind of request.
  answer.discard();
  return { warnings: [] };
}

function sizeIn({ answer: { status, headers } }: HopAnswer): number | undefined {
  if (status === 206) return contentRange(headers)?.total;
  // A blob of no bytes has no first one; its total says so (RFC 9110 section 15.5.17).
  if (status === 416) return single(headers, "content-range") === "bytes */0" ? 0 : undefined;
  return status === 200 ? wholeLength(headers) : undefined;
}
