import type { OutgoingHttpHeaders } from "node:http";
import type { Repository } from "@darner/domain";
import type { Exchange } from "../connection/exchange.ts";
import type { ManifestFound, MirrorBackend } from "../mirror-backend.ts";
import { readAccept } from "../request/accept.ts";
import { readRanges } from "../request/byte-ranges.ts";
import type { Endpoint } from "../request/target.ts";
import { etagOf, ifRangeHolds, noneMatchHits } from "../request/validators.ts";
import { bareMediaType, relayableWarnings } from "./header-value.ts";
import { hurry } from "./hurry.ts";
import { answerProblem, answerRefused } from "./problem.ts";

/** `GET|HEAD /v2/<name>/manifests/<reference>` (contract 1.3, 1.4, 1.7). */
export async function answerManifest(
  exchange: Exchange,
  repository: Repository,
  endpoint: Extract<Endpoint, { kind: "manifest" }>,
  backend: MirrorBackend,
): Promise<void> {
  const { request, signal, caller, isHead } = exchange;
  const accept = readAccept(request.headersDistinct["accept"] ?? []);
  const asked = backend.manifest({ repository, reference: endpoint.reference, accept, caller, headOnly: isHead, signal });
  const answer = await hurry(exchange, asked, () => {});
  if (answer === undefined) return;
  if (answer.value.kind === "refused") {
    answerRefused(exchange, answer.value);
    return;
  }
  // A digest that was asked for is the digest of the answer, whichever algorithm the registry prefers (case 2).
  sendManifest(exchange, endpoint.digest === undefined ? answer.value : { ...answer.value, digest: endpoint.digest });
}

function sendManifest(exchange: Exchange, found: ManifestFound): void {
  const head: OutgoingHttpHeaders = {
    "Content-Type": bareMediaType(found.mediaType),
    "Docker-Content-Digest": found.digest,
    ETag: etagOf(found.digest),
    ...warningHeader(found.warnings),
  };
  if (noneMatchHits(exchange.header("if-none-match"), found.digest)) {
    exchange.begin(304, { "Docker-Content-Digest": found.digest, ETag: etagOf(found.digest) });
    exchange.finish();
    return;
  }
  if (exchange.isHead) {
    exchange.begin(200, { ...head, "Content-Length": found.size, "Accept-Ranges": "bytes" });
    exchange.finish();
    return;
  }
  if (found.bytes?.length !== found.size) {
    answerProblem(exchange, { status: 502, code: "MANIFEST_INVALID", message: "the manifest is not as long as it was said to be" });
    return;
  }
  // Never 416 here: containerd asks for manifests with `bytes=0-` and takes an error as a missing image (case 30).
  const asked = ifRangeHolds(exchange.header("if-range"), found.digest) ? exchange.header("range") : undefined;
  const outcome = readRanges(asked, found.size, 1);
  const isPart = outcome.kind === "one";
  const { start, end } = isPart ? outcome.range : { start: 0, end: found.size };
  const contentRange = isPart ? { "Content-Range": `bytes ${String(start)}-${String(end - 1)}/${String(found.size)}` } : {};
  exchange.begin(isPart ? 206 : 200, { ...head, ...contentRange, "Content-Length": end - start, "Accept-Ranges": "bytes" });
  exchange.finish(found.bytes.subarray(start, end));
}

function warningHeader(warnings: readonly string[]): OutgoingHttpHeaders {
  const relayed = relayableWarnings(warnings);
  return relayed.length === 0 ? {} : { Warning: relayed };
}
