import type { OutgoingHttpHeaders } from "node:http";
import type { ByteRange, Digest, Repository } from "@darner/domain";
import type { Logger } from "@darner/runtime";
import type { Exchange } from "../connection/exchange.ts";
import { sendAll, sendExactly } from "../connection/send-body.ts";
import type { BodyEnd } from "../connection/send-body.ts";
import type { MirrorBackend, OpenBlob } from "../mirror-backend.ts";
import { readRanges } from "../request/byte-ranges.ts";
import type { RangeOutcome } from "../request/byte-ranges.ts";
import { etagOf, ifRangeHolds, noneMatchHits } from "../request/validators.ts";
import { hurry } from "./hurry.ts";
import { contentRange, multipartOf, sendMultipart } from "./multipart.ts";
import { answerProblem, answerRefused } from "./problem.ts";

/** What the answers to blobs need besides the exchange. */
export type BlobDeps = { readonly backend: MirrorBackend; readonly log: Logger; readonly maxRanges: number };

/** `GET|HEAD /v2/<name>/blobs/<digest>` (contract 1.5–1.7). */
export async function answerBlob(exchange: Exchange, repository: Repository, digest: Digest, deps: BlobDeps): Promise<void> {
  const { signal, caller, isHead } = exchange;
  const asked = deps.backend.blob({ repository, digest, caller, headOnly: isHead, signal });
  const answer = await hurry(exchange, asked, (late) => {
    if (late.kind === "blob") late.blob.close();
  });
  if (answer === undefined) return;
  if (answer.value.kind === "refused") {
    answerRefused(exchange, answer.value);
    return;
  }
  const { blob } = answer.value;
  try {
    await sendBlob(exchange, blob, digest, { ...deps, log: deps.log.child({ registry: repository.registry, digest }) });
  } finally {
    blob.close();
  }
}

async function sendBlob(exchange: Exchange, blob: OpenBlob, digest: Digest, deps: BlobDeps): Promise<void> {
  const head = { "Content-Type": "application/octet-stream", "Docker-Content-Digest": digest, ETag: etagOf(digest) };
  if (noneMatchHits(exchange.header("if-none-match"), digest)) {
    exchange.begin(304, { "Docker-Content-Digest": digest, ETag: etagOf(digest) });
    exchange.finish();
    return;
  }
  if (blob.size === undefined) return sendUnbounded(exchange, blob, head, deps.log);
  if (exchange.isHead) {
    exchange.begin(200, { ...head, "Content-Length": blob.size, "Accept-Ranges": "bytes" });
    exchange.finish();
    return;
  }
  const asked = ifRangeHolds(exchange.header("if-range"), digest) ? exchange.header("range") : undefined;
  return sendSized(exchange, { blob, size: blob.size, head, log: deps.log }, readRanges(asked, blob.size, deps.maxRanges));
}

/** A blob about to be sent, its size known. */
type Sized = { readonly blob: OpenBlob; readonly size: number; readonly head: OutgoingHttpHeaders; readonly log: Logger };

async function sendSized(exchange: Exchange, sized: Sized, outcome: RangeOutcome): Promise<void> {
  const { blob, size } = sized;
  const head = { ...sized.head, "Accept-Ranges": "bytes" };
  switch (outcome.kind) {
    case "unsatisfiable": {
      const problem = { status: 416, code: "UNSUPPORTED", message: `the blob has ${String(size)} bytes` } as const;
      answerProblem(exchange, problem, { "Content-Range": `bytes */${String(size)}`, "Accept-Ranges": "bytes" });
      return;
    }
    case "whole":
      if (!(await isReady(exchange, blob, undefined))) return;
      exchange.begin(200, { ...head, "Content-Length": size });
      conclude(exchange, await sendRange(exchange, blob, undefined, size), sized.log);
      return;
    case "one": {
      if (!(await isReady(exchange, blob, outcome.range))) return;
      const length = outcome.range.end - outcome.range.start;
      exchange.begin(206, { ...head, "Content-Range": contentRange(outcome.range, size), "Content-Length": length });
      conclude(exchange, await sendRange(exchange, blob, outcome.range, length), sized.log);
      return;
    }
    case "several": {
      if (!(await isReady(exchange, blob, outcome.ranges[0]))) return;
      const multipart = multipartOf(outcome.ranges, size);
      exchange.begin(206, { ...head, "Content-Type": multipart.contentType, "Content-Length": multipart.length });
      conclude(
        exchange,
        await sendMultipart(exchange, multipart, (range) => sendRange(exchange, blob, range, range.end - range.start)),
        sized.log,
      );
    }
  }
}

/** Whether bytes may be promised; where not, the client has been told so with a status code. */
async function isReady(exchange: Exchange, blob: OpenBlob, range: ByteRange | undefined): Promise<boolean> {
  const ready = await hurry(exchange, blob.ready(range), () => {});
  if (ready?.value !== undefined) answerRefused(exchange, ready.value);
  return ready !== undefined && ready.value === undefined;
}

async function sendRange(exchange: Exchange, blob: OpenBlob, range: ByteRange | undefined, length: number): Promise<BodyEnd> {
  const reader = blob.read(range);
  try {
    return await sendExactly(exchange, reader, length);
  } finally {
    reader.close();
  }
}

/** A blob whose size nobody can tell: in chunks, whole, and never where the end could not be told from a cut (case 59). */
async function sendUnbounded(exchange: Exchange, blob: OpenBlob, head: OutgoingHttpHeaders, log: Logger): Promise<void> {
  if (exchange.isHead) {
    answerProblem(exchange, { status: 502, code: "SIZE_INVALID", message: "the registry does not tell the blob's size" });
    return;
  }
  if (exchange.request.httpVersion === "1.0") {
    answerProblem(exchange, { status: 503, code: "SIZE_INVALID", message: "a blob of unknown size needs HTTP/1.1" });
    return;
  }
  if (!(await isReady(exchange, blob, undefined))) return;
  exchange.begin(200, { ...head, "Transfer-Encoding": "chunked" });
  const reader = blob.read();
  try {
    conclude(exchange, await sendAll(exchange, reader), log);
  } finally {
    reader.close();
  }
}

function conclude(exchange: Exchange, end: BodyEnd, log: Logger): void {
  // Over already: the client left, which is its right, or the connection was cut off at shutdown.
  if (exchange.isOver) return;
  if (end.whole) {
    exchange.finish();
    return;
  }
  log.warn("response ended short", { cause: end.cause });
  exchange.endShort();
}
