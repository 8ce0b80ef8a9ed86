import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer } from "./answer.ts";

// Small enough that a cut or a hold strikes near the byte that was asked for.
const SLICE_BYTES = 64 * 1024;

/** Writes an answer with its faults; `sent` is told the body bytes as they are handed to the socket. */
export async function send(
  response: ServerResponse,
  answer: Answer,
  withBody: boolean,
  closing: AbortSignal,
  sent: (bytes: number) => void,
): Promise<void> {
  if (answer.delayMs > 0) await sleep(answer.delayMs, undefined, { signal: closing });
  if (answer.hold?.afterBytes === -1) await held(response, answer.hold.until, closing);
  response.writeHead(answer.status, headersOf(answer));
  if (withBody) await sendBody(response, answer, closing, sent);
  else response.end();
}

function headersOf({ headers, chunked, body, status }: Answer): Record<string, string | string[]> {
  if (chunked || status === 304 || Object.hasOwn(headers, "content-length")) return headers;
  return { ...headers, "content-length": String(body.length) };
}

async function sendBody(response: ServerResponse, answer: Answer, closing: AbortSignal, sent: (bytes: number) => void): Promise<void> {
  const { body, cutAfter, hold, bytesPerSecond } = answer;
  const end = Math.min(body.length, cutAfter ?? body.length);
  const stops = [hold?.afterBytes ?? -1, end].filter((stop) => stop >= 0);
  response.flushHeaders();
  for (let at = 0; ;) {
    if (hold?.afterBytes === at) await held(response, hold.until, closing);
    if (at >= end || response.destroyed) break;
    const next = Math.min(...stops.filter((stop) => stop > at), at + SLICE_BYTES);
    const room = response.write(body.subarray(at, next));
    sent(next - at);
    // Listened for before the pause: who drains during it drains only once.
    const drained = room ? undefined : firstOf(response, ["drain", "close"], closing);
    const paused = bytesPerSecond === undefined ? undefined : sleep(((next - at) / bytesPerSecond) * 1000, undefined, { signal: closing });
    await Promise.all([drained, paused]);
    at = next;
  }
  if (cutAfter === undefined || cutAfter > body.length) response.end();
  // A FIN: what was written arrives, the rest never comes.
  else response.socket?.end();
}

async function held(response: ServerResponse, until: Promise<unknown> | undefined, closing: AbortSignal): Promise<void> {
  await firstOf(response, ["close"], closing, until);
}

/** Waits for the first of some events, or `until`, and takes all its listeners away again. */
async function firstOf(response: ServerResponse, events: readonly string[], closing: AbortSignal, until?: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const signal = AbortSignal.any([closing, over.signal]);
  const waits = events.map((event) => once(response, event, { signal }));
  try {
    await Promise.race(until === undefined ? waits : [...waits, until]);
  } finally {
    // What loses the race is given up, and rejects for it.
    for (const wait of waits) wait.catch(() => undefined);
    over.abort();
  }
}
