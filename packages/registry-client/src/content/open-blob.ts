import type { ContentRequest, OpenBlob } from "../registry-client.ts";
import { WireError, type Answer } from "../wire/answer.ts";
import type { Upstream } from "../wire/upstream.ts";
import { ask, type ContentParts } from "./content-client.ts";
import { headOf, isPage, wholeLength } from "./content-head.ts";
import { failureOf, invalidAnswer, unavailable } from "./failure.ts";
import { isEncoded } from "./headers.ts";

/** GETs a whole blob whose size nobody knows; see `RegistryClient.openBlob`. */
export async function openBlob(parts: ContentParts, upstream: Upstream, request: ContentRequest): Promise<OpenBlob> {
  const sent = await ask(parts, upstream, request, "GET");
  const { answer } = sent;
  const { status, headers } = answer;
  if (status !== 200) throw await failureOf(upstream, sent);
  if (isEncoded(headers) || isPage(headers)) {
    answer.discard();
    throw invalidAnswer(upstream, isPage(headers) ? "an HTML page instead of a blob" : "an encoded blob");
  }
  return { head: headOf(headers, wholeLength(headers), request.kind), bytes: chunksOf(upstream, answer) };
}

/** A body as chunks to be asked for: the next comes from the socket when the last was taken. */
async function* chunksOf(upstream: Upstream, answer: Answer): AsyncGenerator<Uint8Array, void, undefined> {
  const given: { chunk?: Uint8Array | undefined; done: boolean; error?: Error | undefined } = { done: false };
  const stopped = new Error("the reader left");
  let news = Promise.withResolvers<undefined>();
  let taken = Promise.withResolvers<undefined>();
  const finish = (error?: Error): void => {
    given.done = true;
    given.error = error;
    news.resolve(undefined);
  };
  const ended = answer
    .pipe((chunk) => {
      given.chunk = chunk;
      taken = Promise.withResolvers();
      news.resolve(undefined);
      return taken.promise;
    })
    .then(() => finish(), finish);
  try {
    for (;;) {
      await news.promise;
      if (given.chunk === undefined && given.done) break;
      news = Promise.withResolvers();
      const chunk = given.chunk;
      given.chunk = undefined;
      if (chunk !== undefined) yield chunk;
      taken.resolve(undefined);
    }
    if (given.error !== undefined) throw given.error instanceof WireError ? unavailable(upstream, given.error) : given.error;
  } finally {
    if (!given.done) taken.reject(stopped);
    await ended;
  }
}
