import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { normalRegistry } from "@darner/domain";
import { ClientShares, systemClock } from "@darner/runtime";
import type { Logger, Timers } from "@darner/runtime";
import { answerProblem, errorBody } from "./answer/problem.ts";
import { Connection } from "./connection/connection.ts";
import type { ConnectionDeps } from "./connection/connection.ts";
import type { Exchange } from "./connection/exchange.ts";
import type { MirrorMetrics } from "./metrics.ts";
import type { MirrorBackend } from "./mirror-backend.ts";
import { fillMirrorConfig } from "./mirror-config.ts";
import type { FilledMirrorConfig, MirrorConfig } from "./mirror-config.ts";
import { ProbeLog } from "./probe-log.ts";
import { RefusedRegistries } from "./refused-registries.ts";
import type { RefusedRegistry } from "./refused-registries.ts";
import { MAX_HEADERS } from "./request/head.ts";
import { route } from "./route.ts";
import type { RouteDeps } from "./route.ts";

/** What a mirror is made of. */
export type MirrorOptions = {
  readonly config: MirrorConfig;
  readonly backend: MirrorBackend;
  readonly log: Logger;
  readonly metrics: MirrorMetrics;
  readonly clock?: Timers;
};

/** An open mirror; the caller lets `server` listen. */
export type Mirror = {
  readonly server: Server;
  /** Registries that clients asked for and the operator does not allow, for `darner status`. */
  refusedRegistries(): readonly RefusedRegistry[];
  /** Whether a probe of node set-up, by its registry's name, came to this mirror. */
  sawProbe(registry: string): boolean;
  /** Accepts no more, lets responses that run finish for `graceMs`, ends the rest short; resolves when no connection is left. */
  close(graceMs: number): Promise<void>;
};

// GitLab, ACR and ECR hand out tokens of 8–32 KiB; heads of 64 KiB have to pass (case 61).
const MAX_HEADER_BYTES = 128 * 1024;

/** Opens a registry mirror in front of a backend (contract sections 1 and 2); it does not listen yet. */
export function openMirror(options: MirrorOptions): Mirror {
  const config = fillMirrorConfig(options.config);
  const { backend, log, metrics, clock: timers = systemClock } = options;
  const refused = new RefusedRegistries(log);
  const probes = new ProbeLog();
  const routing: RouteDeps = { rules: rulesOf(config), maxRanges: config.maxRanges, backend, refused, probes, log };
  const shares = new ClientShares(config, timers);
  const deps: ConnectionDeps = { ...config, metrics, timers, serve: (exchange) => serve(exchange, { routing, shares, metrics, log }) };
  const server = serverFor(config);
  const connections = trackConnections(server, deps, shares);
  server.on("drop", () => {
    metrics.droppedConnections.inc({ reason: "mirror-full" });
  });
  return {
    server,
    refusedRegistries: () => refused.list(),
    sawProbe: (registry) => probes.saw(registry),
    close: (graceMs) => closeMirror(server, connections, graceMs, timers),
  };
}

function serverFor(config: FilledMirrorConfig): Server {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveTimeout: config.keepAliveTimeoutMs,
    headersTimeout: config.headersTimeoutMs,
    // The head has its own limit, bodies are not waited for; a limit on the whole would cut long responses.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(30_000, config.headersTimeoutMs),
    // Answered by the route, with a body like every other error.
    requireHostHeader: false,
    noDelay: true,
  });
  // One more than is allowed, so that the route sees that there are too many: Node drops those beyond without a word.
  server.maxHeadersCount = MAX_HEADERS + 1;
  server.timeout = config.idleTimeoutMs;
  server.maxConnections = config.maxConnections;
  // Node's own name for it, absent from its types: a client that has closed its sending half still gets its answers.
  Object.assign(server, { httpAllowHalfOpen: true });
  return server;
}

function rulesOf(config: FilledMirrorConfig): RouteDeps["rules"] {
  const own = new Set(config.ownAddresses);
  const { defaultRegistry, allow } = config;
  return {
    defaultRegistry: defaultRegistry === undefined ? undefined : normalRegistry(defaultRegistry),
    allow,
    listed: new Set(config.registries.map(normalRegistry)),
    isOwn: (host) => own.has(host),
  };
}

type ServeDeps = { readonly routing: RouteDeps; readonly shares: ClientShares; readonly metrics: MirrorMetrics; readonly log: Logger };

async function serve(exchange: Exchange, { routing, shares, metrics, log }: ServeDeps): Promise<void> {
  try {
    if (shares.mayAsk(exchange.clientAddress)) await route(exchange, routing);
    else {
      metrics.limitedRequests.inc();
      exchange.closeAfter();
      // 429 would make containerd ask again at once; 503 sends it to the registry (contract 1.12).
      answerProblem(exchange, { status: 503, code: "TOOMANYREQUESTS", message: "this client asks too often" }, { "Retry-After": "1" });
    }
  } catch (error) {
    log.error("request failed on a broken invariant", { error, route: exchange.route });
    if (exchange.isOver) return;
    if (exchange.hasBegun) exchange.endShort();
    else answerProblem(exchange, { status: 500, code: "UNSUPPORTED", message: "the mirror failed; its log says why" });
  }
}

function trackConnections(server: Server, deps: ConnectionDeps, shares: ClientShares): ReadonlyMap<Duplex, Connection> {
  // Bounded by maxConnections: the server closes what is beyond before it is announced here.
  const connections = new Map<Duplex, Connection>();
  const accept = (request: IncomingMessage, response: ServerResponse): void => {
    connections.get(request.socket)?.accept(request, response);
  };
  server.on("connection", (socket) => {
    const client = socket.remoteAddress ?? "";
    if (!shares.enter(client)) {
      deps.metrics.droppedConnections.inc({ reason: "client-full" });
      turnAway(socket);
      return;
    }
    connections.set(socket, new Connection(socket, deps));
    socket.once("close", () => {
      connections.delete(socket);
      shares.leave(client);
    });
  });
  server.on("request", accept);
  // Without these two Node would ask for the body of a write, or answer 417 by itself.
  server.on("checkContinue", accept);
  server.on("checkExpectation", accept);
  server.on("connect", (_request, socket) => {
    connections.get(socket)?.reject(rawError(405, "Method Not Allowed", "this mirror is not a proxy"));
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    connections.get(socket)?.reject(rawErrorFor(error.code));
  });
  server.on("timeout", (socket: Socket) => {
    connections.get(socket)?.giveUp();
  });
  return connections;
}

/** Nothing is kept for who has too many connections already: it is told, and its socket is gone with that. */
function turnAway(socket: Socket): void {
  socket.on("error", () => {});
  socket.end(rawError(503, "Service Unavailable", "this client has as many connections as it may have"), () => {
    socket.destroy();
  });
}

function rawErrorFor(code: string | undefined): string {
  if (code === "HPE_HEADER_OVERFLOW") return rawError(431, "Request Header Fields Too Large", "the head of the request is too large");
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return rawError(408, "Request Timeout", "the head of the request took too long");
  return rawError(400, "Bad Request", "this is not a HTTP/1.1 request");
}

function rawError(status: number, reason: string, message: string): string {
  const body = errorBody("UNSUPPORTED", message).toString();
  const allow = status === 405 ? "Allow: GET, HEAD\r\n" : "";
  const length = Buffer.byteLength(body);
  return `HTTP/1.1 ${String(status)} ${reason}\r\nContent-Type: application/json\r\nContent-Length: ${String(length)}\r\n${allow}Connection: close\r\n\r\n${body}`;
}

async function closeMirror(server: Server, connections: ReadonlyMap<Duplex, Connection>, graceMs: number, timers: Timers): Promise<void> {
  const finishUp = (): void => {
    for (const connection of connections.values()) connection.finishUp();
  };
  if (!server.listening && connections.size === 0) return;
  const closed = once(server, "close");
  // Node would destroy what it takes for idle, also connections that are being ended gently.
  server.closeIdleConnections = finishUp;
  server.close();
  const cancel = timers.setTimeout(() => {
    for (const connection of connections.values()) connection.cutOff();
  }, graceMs);
  await closed;
  cancel();
}
