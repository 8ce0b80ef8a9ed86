import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Registry } from "prom-client";
import { ClientShares } from "../bounds/client-shares.ts";
import { systemClock } from "../clock.ts";
import type { Clock } from "../clock.ts";
import type { ListenAddress } from "../listen-address.ts";
import type { Logger } from "../log.ts";
import { listenServer } from "./listen-server.ts";

/** Whether a process can do its work; the reasons say what it waits for, notes what a person may want to know though it is ready. */
export type ReadyState =
  { readonly ready: true; readonly notes?: readonly string[] } | { readonly ready: false; readonly reasons: readonly string[] };

/** What a route answers. */
export type HealthAnswer = { readonly status: number; readonly contentType: string; readonly body: string };

/** Further paths (`/healthy`) and what they answer to GET and HEAD. */
export type HealthRoutes = Readonly<Record<string, (request: IncomingMessage) => HealthAnswer | Promise<HealthAnswer>>>;

export type HealthOptions = {
  readonly registry: Registry;
  readonly ready: () => ReadyState;
  readonly log: Logger;
  readonly extraRoutes?: HealthRoutes;
  /** Absent: the machine's. */
  readonly clock?: Clock;
  /** Whether loopback counts as one client address like any other. */
  readonly countsLoopback?: boolean;
};

/** A listening health server. */
export type HealthServer = AsyncDisposable & { readonly address: ListenAddress };

// Kubelet and Prometheus have one connection each; the rest is room for people. Beyond it connections are closed.
const MAX_CONNECTIONS = 64;
// Whoever reaches the port may ask, but nobody keeps kubelet out: a daemon whose probes fail is killed.
const SHARE = { maxConnectionsPerClient: 16, maxRequestsPerSecondPerClient: 20 };
// A request line and a few headers; a token of an API beside it.
const MAX_HEADER_BYTES = 16 * 1024;
// Who asks here sends a request line and a few headers.
const REQUEST_TIMEOUT_MS = 10_000;

/** Opens a server for `/livez`, `/readyz`, `/metrics` and `extraRoutes`, nothing else. `key` is the configuration's key of `listen`. */
export async function openHealthServer(listen: string, key: string, options: HealthOptions): Promise<HealthServer> {
  const shares = new ClientShares({ ...SHARE, countsLoopback: options.countsLoopback ?? false }, options.clock ?? systemClock);
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: MAX_HEADER_BYTES },
    (request, response) => {
      const answer = shares.mayAsk(request.socket.remoteAddress ?? "") ? answerHealth(request, options) : Promise.resolve(TOO_OFTEN);
      void answer.then((found) => send(request, response, found ?? NOT_FOUND));
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.on("connection", (socket) => {
    const client = socket.remoteAddress ?? "";
    if (shares.enter(client)) socket.once("close", () => shares.leave(client));
    else socket.destroy();
  });
  const address = await listenServer(server, listen, key);
  const close = (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    server.close(() => resolve(undefined));
    server.closeAllConnections();
    return promise;
  };
  return { address, [Symbol.asyncDispose]: close };
}

/** The answer to a health request; undefined where its path is none of these. Never rejects. */
async function answerHealth(request: IncomingMessage, options: HealthOptions): Promise<HealthAnswer | undefined> {
  const path = (request.url ?? "").split("?", 1)[0] ?? "";
  const route = routeOf(path, options);
  if (route === undefined) return undefined;
  if (request.method !== "GET" && request.method !== "HEAD") return text(405, "only GET and HEAD\n");
  try {
    return await route(request);
  } catch (error) {
    options.log.error("health request failed", { path, error });
    return text(500, "failed, see the log\n");
  }
}

/** Writes an answer; a HEAD gets its headers only. */
function send(request: IncomingMessage, response: ServerResponse, answer: HealthAnswer): void {
  const allow = answer.status === 405 ? { allow: "GET, HEAD" } : {};
  const headers = {
    "content-type": answer.contentType,
    "content-length": Buffer.byteLength(answer.body),
    "cache-control": "no-store",
    ...allow,
  };
  response.writeHead(answer.status, headers).end(request.method === "HEAD" ? undefined : answer.body);
}

const NOT_FOUND = text(404, "not found\n");
const TOO_OFTEN = text(503, "this client asks too often\n");

function routeOf(path: string, options: HealthOptions): HealthRoutes[string] | undefined {
  switch (path) {
    case "/livez":
      return () => text(200, "ok\n");
    case "/readyz":
      return () => readiness(options.ready());
    case "/metrics":
      return async () => ({ status: 200, contentType: options.registry.contentType, body: await options.registry.metrics() });
    default:
      return Object.hasOwn(options.extraRoutes ?? {}, path) ? options.extraRoutes?.[path] : undefined;
  }
}

function readiness(state: ReadyState): HealthAnswer {
  return { status: state.ready ? 200 : 503, contentType: "application/json", body: `${JSON.stringify(state)}\n` };
}

function text(status: number, body: string): HealthAnswer {
  return { status, contentType: "text/plain; charset=utf-8", body };
}
