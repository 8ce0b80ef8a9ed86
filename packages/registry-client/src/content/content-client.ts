import type { Logger, Timers } from "@darner/runtime";
import type { Sender, SendRequest } from "../auth/sender.ts";
import type { ContentRequest } from "../registry-client.ts";
import type { HopAnswer } from "../wire/hops.ts";
import type { Upstream } from "../wire/upstream.ts";
import { contentPath, MANIFEST_TYPES } from "./content-path.ts";

/** What the requests for content share. */
export type ContentParts = {
  readonly sender: Sender;
  readonly log: Logger;
  readonly timers: Timers;
  readonly maxManifestBytes: number;
};

/** Asks for a manifest or a blob; `range` is `[start, end)`. */
export function ask(
  { sender }: ContentParts,
  upstream: Upstream,
  request: ContentRequest,
  method: "GET" | "HEAD",
  range?: { readonly start: number; readonly end: number },
): Promise<HopAnswer> {
  const { repository, kind, reference, authority, patienceMs, signal } = request;
  const accept = kind === "manifest" ? { accept: (request.accept ?? MANIFEST_TYPES).join(", ") } : {};
  // Always closed: `bytes=N-` is refused by some registries (contracts/registry-mirror.md 3.3, Artifactory).
  const ranged = range === undefined ? {} : { range: `bytes=${String(range.start)}-${String(range.end - 1)}` };
  const send: SendRequest = {
    upstream,
    repository: repository.name,
    authority,
    method,
    purpose: kind,
    path: contentPath(repository, kind, reference),
    headers: { ...accept, ...ranged },
    ...(patienceMs === undefined ? {} : { patienceMs }),
    signal,
  };
  return sender.send(send);
}
