import type { Answer, ChunkSink } from "./answer.ts";

// Error bodies are a few hundred bytes of JSON; one beyond 64 KiB is no error body and is given as empty.
const MAX_ERROR_BYTES = 64 * 1024;

/** Reads an error's body, so that the connection is free again while something else is tried; the answer can still be passed on. */
export async function buffered(answer: Answer): Promise<Answer> {
  const body = await errorBody(answer);
  return {
    status: answer.status,
    headers: answer.headers,
    pipe: async (sink: ChunkSink) => sink(body),
    bytes: async (maxBytes) => (body.length > maxBytes ? undefined : body),
    discard: () => undefined,
  };
}

/** An error's body; empty where it is too long or broke. */
export async function errorBody(answer: Answer): Promise<Uint8Array> {
  return (await answer.bytes(MAX_ERROR_BYTES).catch(() => undefined)) ?? new Uint8Array();
}
