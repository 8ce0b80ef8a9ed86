import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { gunzipSync } from "node:zlib";
import { systemClock, type Timers } from "@darner/runtime";

/** How the client of a Harbor instance is set up. */
export type GoClientPlan = {
  /** Takes any certificate. */
  readonly insecure?: boolean;
  /** What Harbor's machine trusts, PEM; absent: the system's roots. */
  readonly ca?: string;
  readonly timers?: Timers;
};

/** One request with the headers that its caller sets. */
export type GoRequest = {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** An answer, read to its end. */
export type GoAnswer = {
  readonly status: number;
  /** As in `401 Unauthorized`. */
  readonly statusLine: string;
  /** The URL that answered, after redirects. */
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly body: Uint8Array;
};

/** A request and its answer on the wire, for tests to look at. */
export type Exchange = {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: Uint8Array;
  readonly ms: number;
  /** Whether it went over a connection that had been used before. */
  readonly reused: boolean;
  readonly httpVersion: string;
};

const OVERALL_TIMEOUT_MS = 30_000;
const IDLE_MS = 30_000;
const MAX_IDLE_CONNECTIONS = 20;
const MAX_REDIRECTS = 10;
const FORGOTTEN_ELSEWHERE = new Set(["authorization", "www-authenticate", "cookie", "cookie2"]);

type Target = {
  readonly scheme: string;
  readonly user: string | undefined;
  readonly authority: string;
  readonly hostname: string;
  readonly port: string;
  readonly path: string;
};

/** HTTP as Go's net/http does it for Harbor: HTTP/1.1, 30 s for all of a request, redirects followed, gzip taken, proxies ignored, nothing repeated. */
export class GoClient implements Disposable {
  readonly exchanges: Exchange[] = [];
  readonly #timers: Timers;
  readonly #http = new HttpAgent({ keepAlive: true, maxFreeSockets: MAX_IDLE_CONNECTIONS });
  readonly #https: HttpsAgent;

  constructor({ insecure = false, ca, timers = systemClock }: GoClientPlan) {
    this.#timers = timers;
    const trust = ca === undefined ? {} : { ca };
    this.#https = new HttpsAgent({ keepAlive: true, maxFreeSockets: MAX_IDLE_CONNECTIONS, rejectUnauthorized: !insecure, ...trust });
    keepIdle(this.#http);
    keepIdle(this.#https);
  }

  /** Sends a request, follows redirects and reads the answer; rejects with Go's words. */
  async send(first: GoRequest): Promise<GoAnswer> {
    const deadline = new AbortController();
    const cancel = this.#timers.setTimeout(() => {
      deadline.abort();
    }, OVERALL_TIMEOUT_MS);
    try {
      return await this.#follow(first, deadline.signal);
    } finally {
      cancel();
    }
  }

  [Symbol.dispose](): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  async #follow(first: GoRequest, deadline: AbortSignal): Promise<GoAnswer> {
    let request = first;
    for (let hop = 0; ; hop += 1) {
      const { answer, location } = await this.#once(request, deadline);
      const next = location === undefined ? undefined : redirected(first, request, answer.status, location);
      if (next === undefined) return answer;
      if (hop + 1 >= MAX_REDIRECTS) throw failed(request, new Error(`stopped after ${String(MAX_REDIRECTS)} redirects`), deadline);
      request = next;
    }
  }

  async #once(request: GoRequest, deadline: AbortSignal): Promise<{ answer: GoAnswer; location: string | undefined }> {
    const target = targetOf(request.url);
    const startedAt = performance.now();
    try {
      const sent = this.#open(request, target, deadline);
      const response = await answered(sent, request.body);
      const raw = await bodyOf(response);
      const body = /^gzip$/i.test(response.headers["content-encoding"] ?? "") ? gunzipSync(raw) : raw;
      const { statusCode: status = 0, statusMessage = "" } = response;
      this.exchanges.push({
        method: request.method,
        url: request.url,
        status,
        contentType: response.headers["content-type"],
        body,
        ms: performance.now() - startedAt,
        reused: sent.reusedSocket,
        httpVersion: response.httpVersion,
      });
      const answer: GoAnswer = { status, statusLine: `${String(status)} ${statusMessage}`, url: request.url, method: request.method, body };
      return { answer, location: response.headers.location };
    } catch (error) {
      throw failed(request, error, deadline);
    }
  }

  #open(request: GoRequest, target: Target, signal: AbortSignal): ClientRequest {
    const options = {
      method: request.method,
      host: target.hostname,
      ...(target.port === "" ? {} : { port: Number(target.port) }),
      path: target.path,
      headers: wireHeaders(request, target),
      // Go sends neither Connection nor Transfer-Encoding.
      setDefaultHeaders: false,
      signal,
    };
    return target.scheme === "https" ? httpsRequest({ ...options, agent: this.#https }) : httpRequest({ ...options, agent: this.#http });
  }
}

/** Go keeps an idle connection for 30 s whatever the server's Keep-Alive header says. */
function keepIdle(agent: HttpAgent): void {
  const keepSocketAlive = (socket: Duplex & { setTimeout?: (ms: number) => void; unref?: () => void }): boolean => {
    socket.setTimeout?.(IDLE_MS);
    socket.unref?.();
    return true;
  };
  Object.assign(agent, { keepSocketAlive });
}

/** The headers in the order in which Go writes them: its own first, then the caller's by name, then what the transport adds. */
function wireHeaders({ headers, body }: GoRequest, { authority, user }: Target): Record<string, string> {
  const all = new Map(Object.entries(headers));
  if (user !== undefined && !all.has("Authorization")) all.set("Authorization", `Basic ${Buffer.from(user).toString("base64")}`);
  return {
    Host: authority,
    "User-Agent": "Go-http-client/1.1",
    ...(body === undefined ? {} : { "Content-Length": String(Buffer.byteLength(body)) }),
    ...Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1))),
    "Accept-Encoding": "gzip",
  };
}

/** The next request of a redirect; undefined where the status is none. */
function redirected(first: GoRequest, last: GoRequest, status: number, location: string): GoRequest | undefined {
  if (![301, 302, 303, 307, 308].includes(status)) return undefined;
  const url = new URL(location, last.url).href;
  const keepsBody = status === 307 || status === 308;
  const [from, to] = [targetOf(first.url), targetOf(url)];
  const mayKnow = to.hostname === from.hostname || (!/[:%]/.test(to.hostname) && to.hostname.endsWith(`.${from.hostname}`));
  const headers = Object.entries(first.headers).filter(([name]) => mayKnow || !FORGOTTEN_ELSEWHERE.has(name.toLowerCase()));
  const referer = targetOf(last.url).scheme === "https" && to.scheme === "http" ? {} : { Referer: withoutUser(last.url) };
  return {
    method: keepsBody ? last.method : "GET",
    url,
    headers: { ...Object.fromEntries(headers), ...referer },
    ...(keepsBody && last.body !== undefined ? { body: last.body } : {}),
  };
}

/** Takes a URL apart as it is written; a parser of browsers would tidy its path. */
function targetOf(url: string): Target {
  const [, scheme, user, authority = "", path = "", query = ""] =
    /^(https?):\/\/(?:([^@/?#]*)@)?([^/?#]*)([^?#]*)(\?[^#]*)?/.exec(url) ?? [];
  if (scheme === undefined) throw new Error(`parse ${JSON.stringify(url)}: first path segment in URL cannot contain colon`);
  const [, hostname = "", port = ""] = /^(.*?)(?::([0-9]*))?$/.exec(authority) ?? [];
  return { scheme, user, authority, hostname: hostname.replace(/^\[|\]$/g, ""), port, path: `${path === "" ? "/" : path}${query}` };
}

function withoutUser(url: string): string {
  return url.replace(/^(https?:\/\/)[^@/?#]*@/, "$1");
}

function answered(request: ClientRequest, body: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("response", resolve);
    // After the answer the response itself reports what goes wrong.
    request.on("error", reject);
    request.end(body);
  });
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function failed({ method, url }: GoRequest, error: unknown, deadline: AbortSignal): Error {
  const verb = method === "GET" ? "Get" : "Post";
  const text = error instanceof Error ? error.message : String(error);
  const isEnd = error instanceof Error && "code" in error && error.code === "ECONNRESET";
  const why = deadline.aborted ? "context deadline exceeded (Client.Timeout exceeded)" : isEnd ? "EOF" : text;
  return new Error(`${verb} ${JSON.stringify(url)}: ${why}`, { cause: error });
}
