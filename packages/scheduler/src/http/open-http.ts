import { readFile } from "node:fs/promises";
import { unwatchFile, watchFile } from "node:fs";
import type { Server as TlsServer } from "node:https";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { formatAddress, listenServer, StartError, type Config, type Counter, type Logger } from "@darner/runtime";
import type { ApiTokens } from "./api-tokens.ts";
import { problem, type ApiAnswer, type ApiRoute } from "./route.ts";
import { sendEvents } from "./send-events.ts";

/** What the HTTP side is opened with. */
export type HttpParts = {
  readonly routes: readonly ApiRoute[];
  readonly tokens: Pick<ApiTokens, "opens">;
  readonly log: Logger;
  readonly requests: Counter<"face" | "status">;
};

/** A listening HTTP side. */
export type HttpSide = AsyncDisposable & { readonly address: string };

// Harbor's client keeps idle connections for 30 s and does not repeat a POST that met a closed one (contracts/harbor-preheat.md 1.1).
const KEEP_ALIVE_MS = 65_000;
// Harbor itself gives up after 30 s; a body that trickles longer is no body.
const REQUEST_MS = 30_000;
const HEADERS_MS = 10_000;
// A job names images, a notification events: kilobytes.
const MAX_BODY_BYTES = 1024 * 1024;
// A pull token of Harbor in a header is some 2 KiB.
const MAX_HEADER_BYTES = 32 * 1024;
// Harbor's jobservices, their polls, Prometheus, people; beyond it connections are closed.
const MAX_CONNECTIONS = 2048;
// A certificate that was renewed is used this soon.
const LOOK_AT_CERTIFICATE_MS = 10_000;

/** Opens the scheduler's HTTP side: every route of the table and nothing else. Rejects with `StartError`. */
export async function openHttp(config: Config, parts: HttpParts): Promise<HttpSide> {
  const tls = config.api.tls;
  const app = Fastify({
    bodyLimit: MAX_BODY_BYTES,
    routerOptions: { maxParamLength: 1024 },
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    ...(tls === undefined
      ? { http: { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: HEADERS_MS } }
      : { https: { ...(await readPair(tls)), ALPNProtocols: ["http/1.1"], maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: HEADERS_MS } }),
  }) as unknown as FastifyInstance;
  addRoutes(app, parts, config.api.prefix);
  await app.ready();
  app.server.maxConnections = MAX_CONNECTIONS;
  const stopWatching = tls === undefined ? () => undefined : renewCertificate(app.server as unknown as TlsServer, tls, parts.log);
  const address = await listenServer(app.server, config.listen.http, "listen.http");
  return {
    address: formatAddress(address),
    [Symbol.asyncDispose]: async () => {
      stopWatching();
      await app.close();
    },
  };
}

function addRoutes(app: FastifyInstance, parts: HttpParts, prefix: string): void {
  app.removeAllContentTypeParsers();
  // Whatever it is called, it is JSON: registries have a media type of their own for notifications.
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => {
    const read = readJson(body as Buffer);
    if (read.ok) done(null, read.value);
    else done(Object.assign(new Error("the body is no JSON"), { statusCode: 400 }));
  });
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    answerError(error, request, reply, parts.log);
  });
  app.setNotFoundHandler(async (request, reply) => {
    // Whoever shows no token learns not even which routes there are.
    const opens = await parts.tokens.opens(request.headers);
    send(reply, opens ? problem(404, "there is no such route") : UNAUTHORIZED);
  });
  for (const route of parts.routes) addRoute(app, route, parts, route.face === "health" && route.access === "open" ? "" : prefix);
}

function addRoute(app: FastifyInstance, route: ApiRoute, { tokens, requests }: HttpParts, prefix: string): void {
  const { method, access, face } = route;
  app.route({
    method: method === "GET" ? ["GET", "HEAD"] : method,
    url: prefix + route.path,
    onRequest: async (request, reply) => {
      const { headers } = request;
      const showsNothing = headers.authorization === undefined && headers["x-api-key"] === undefined;
      if (access === "open" || (access === "checked" && showsNothing) || (await tokens.opens(headers))) return;
      send(reply, UNAUTHORIZED);
    },
    onResponse: (_request, reply, done) => {
      requests.inc({ face, status: String(reply.statusCode) });
      done();
    },
    handler: async (request, reply) => {
      const gone = new AbortController();
      reply.raw.once("close", () => {
        gone.abort();
      });
      const { params, query } = request as { params: Record<string, string>; query: Record<string, string> };
      const answer = await route.handle({ params, query, body: request.body, message: request.raw, signal: gone.signal });
      if (!("events" in answer)) return send(reply, answer);
      reply.hijack();
      await sendEvents(reply.raw, answer.events);
      return reply;
    },
  });
}

const UNAUTHORIZED = problem(
  401,
  "Unauthorized: a token of this scheduler is needed, as Authorization: Bearer or X-Api-Key (api.tokenFile)",
);

function send(reply: FastifyReply, answer: ApiAnswer): FastifyReply {
  void reply.code(answer.status).header("cache-control", "no-store");
  if ("text" in answer) return reply.type(answer.contentType ?? "text/plain; charset=utf-8").send(answer.text);
  if ("events" in answer) throw new Error("events are not sent at once");
  return reply
    .headers(answer.headers ?? {})
    .type("application/json; charset=utf-8")
    .send(`${JSON.stringify(answer.body)}\n`);
}

function answerError(error: Error & { statusCode?: number }, request: FastifyRequest, reply: FastifyReply, log: Logger): void {
  const status = error.statusCode ?? 500;
  if (status === 413) send(reply, problem(413, `the body is larger than ${String(MAX_BODY_BYTES)} bytes`));
  else if (status < 500) send(reply, problem(status, error.message));
  else {
    log.error("request failed", { method: request.method, path: request.url.split("?", 1)[0], error });
    send(reply, problem(500, "failed: the scheduler's log says why"));
  }
}

function readJson(bytes: Buffer): { readonly ok: true; readonly value: unknown } | { readonly ok: false } {
  try {
    return { ok: true, value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown };
  } catch {
    return { ok: false };
  }
}

type Pair = { readonly certFile: string; readonly keyFile: string };

async function readPair({ certFile, keyFile }: Pair): Promise<{ cert: string; key: string }> {
  try {
    return { cert: await readFile(certFile, "utf8"), key: await readFile(keyFile, "utf8") };
  } catch (cause) {
    throw new StartError({ code: "file-unusable", path: certFile, key: "api.tls" }, `api.tls cannot be read: ${String(cause)}`, { cause });
  }
}

/** Takes a renewed certificate without a restart; one that cannot be used is told of, and the old one stays. */
function renewCertificate(server: TlsServer, pair: Pair, log: Logger): () => void {
  const renew = async (): Promise<void> => {
    try {
      server.setSecureContext(await readPair(pair));
      log.info("certificate of the api renewed", { certFile: pair.certFile });
    } catch (error) {
      log.error("new certificate of the api cannot be used, the old one stays", { certFile: pair.certFile, error });
    }
  };
  const changed = (): void => void renew();
  const options = { persistent: false, interval: LOOK_AT_CERTIFICATE_MS };
  for (const file of [pair.certFile, pair.keyFile]) watchFile(file, options, changed);
  return () => {
    for (const file of [pair.certFile, pair.keyFile]) unwatchFile(file, changed);
  };
}
