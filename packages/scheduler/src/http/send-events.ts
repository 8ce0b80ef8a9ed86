import { once } from "node:events";
import type { ServerResponse } from "node:http";

// Proxies between a browser and the scheduler close connections that say nothing for a minute.
const PING_MS = 15_000;

/** Writes values as server-sent events until they end or the client is gone; a client that reads slowly is waited for. */
export async function sendEvents(response: ServerResponse, events: AsyncIterable<unknown>): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store", "x-accel-buffering": "no" });
  const ping = setInterval(() => response.write(": here\n\n"), PING_MS);
  try {
    for await (const event of events) {
      if (response.destroyed) return;
      if (!response.write(`data: ${JSON.stringify(event)}\n\n`)) await drained(response);
    }
  } finally {
    clearInterval(ping);
    response.end();
  }
}

async function drained(response: ServerResponse): Promise<void> {
  const left = new AbortController();
  const gone = once(response, "close", { signal: left.signal }).catch(() => undefined);
  await Promise.race([once(response, "drain", { signal: left.signal }).catch(() => undefined), gone]);
  left.abort();
}
