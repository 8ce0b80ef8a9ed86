import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isIP } from "node:net";
import { parseDigest, parseHostId, type Digest, type HostId } from "@darner/domain";
import { formatAddress, listenServer, type Logger } from "@darner/runtime";
import type { BlobExplanation } from "./record/explain.ts";
import type { DaemonStatus } from "./status.ts";

/** What the local API gives out. */
export type AdminDeps = {
  readonly log: Logger;
  readonly status: () => DaemonStatus;
  /** What is known of a digest; undefined where nothing is. */
  readonly explain: (digest: Digest) => BlobExplanation | undefined;
  /** Asks another host for its status, peer to peer. */
  readonly askHost: (host: HostId, address: string) => Promise<unknown>;
  /** Whether a probe of node set-up came to the mirror. */
  readonly sawProbe: (registry: string) => boolean;
  /** Takes what node set-up says of itself; false where that is no report. */
  readonly takeReport: (report: unknown) => boolean;
};

// The darner command asks one question and goes; a browser would keep a few connections.
const MAX_CONNECTIONS = 64;
// Who asks here sends a request line and a few headers.
const REQUEST_TIMEOUT_MS = 10_000;

// A report is three words and a few sentences.
const MAX_REPORT_CHARS = 16_384;

const BY_NAME = "this API is for programs of this host: ask it by address, as in http://127.0.0.1:4104";

type Answer = { readonly status: number; readonly body: unknown };

/** Opens the daemon's local API: `GET /api/v1/status`, `GET /api/v1/blobs/{digest}` for how a blob came to this host, `GET /api/v1/hosts/{id}/status?address=host:port` for another host's; for node set-up `GET /api/v1/probes/{registry}` and `PUT /api/v1/node-setup`. */
export async function openAdminServer(listen: string, deps: AdminDeps): Promise<AsyncDisposable & { readonly address: string }> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    const answered = isAskedByAddress(request) ? answer(request, deps) : Promise.resolve(problem(403, BY_NAME));
    void answered.then((what) => {
      send(response, what);
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  const address = formatAddress(await listenServer(server, listen, "listen.admin"));
  return {
    address,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A page in a browser on this host that has its own name point here still asks by that name (DNS rebinding). */
function isAskedByAddress({ headers: { host = "localhost" } }: IncomingMessage): boolean {
  const hostname = host.replace(/:[0-9]*$/, "");
  return hostname === "localhost" || isIP(hostname.replace(/^\[(.*)\]$/, "$1")) !== 0;
}

async function answer(request: IncomingMessage, deps: AdminDeps): Promise<Answer> {
  const url = URL.parse(request.url ?? "", "http://admin");
  if (request.method === "PUT" && url?.pathname === "/api/v1/node-setup") return takeReport(request, deps);
  if (request.method !== "GET") return problem(405, "only GET is answered here, and PUT of /api/v1/node-setup");
  if (url?.pathname === "/api/v1/status") return { status: 200, body: deps.status() };
  const probe = /^\/api\/v1\/probes\/([a-z0-9.]+)$/.exec(url?.pathname ?? "")?.[1];
  if (probe !== undefined) return { status: 200, body: { arrived: deps.sawProbe(probe) } };
  const blob = /^\/api\/v1\/blobs\/([^/]+)$/.exec(url?.pathname ?? "")?.[1];
  if (blob !== undefined) return explained(blob, deps);
  const named = /^\/api\/v1\/hosts\/([^/]+)\/status$/.exec(url?.pathname ?? "");
  if (url === null || named === null)
    return problem(404, "there are /api/v1/status, /api/v1/blobs/{digest} and /api/v1/hosts/{id}/status?address=host:port");
  const host = parseHostId(named[1] ?? "");
  const address = url.searchParams.get("address");
  if (host === undefined || address === null)
    return problem(400, "the path needs a host id, the query its libp2p address: ?address=host:port");
  try {
    return { status: 200, body: await deps.askHost(host, address) };
  } catch (error) {
    deps.log.warn("host did not tell its status", { host, address, error });
    return problem(502, `host ${host} at ${address} did not answer: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A page in a browser cannot send JSON here without being asked first, which nobody answers. */
async function takeReport(request: IncomingMessage, deps: AdminDeps): Promise<Answer> {
  const isJson = request.headers["content-type"] === "application/json";
  const body = isJson ? await reportIn(request) : undefined;
  return deps.takeReport(body)
    ? { status: 200, body: {} }
    : problem(400, "that is no report of node set-up: state, probe and problem, as JSON");
}

async function reportIn(request: IncomingMessage): Promise<unknown> {
  let text = "";
  try {
    for await (const part of request.setEncoding("utf8")) {
      text += String(part);
      if (text.length > MAX_REPORT_CHARS) return undefined;
    }
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function explained(text: string, { explain }: AdminDeps): Answer {
  const parsed = parseDigest(text);
  if (!parsed.ok) return problem(400, "the path needs a digest, as in sha256:… with 64 hexadecimal digits");
  const explanation = explain(parsed.digest);
  if (explanation !== undefined) return { status: 200, body: explanation };
  return problem(404, `this host does not hold ${parsed.digest}, and nobody asked it for it since it started`);
}

function problem(status: number, message: string): Answer {
  return { status, body: { error: message } };
}

function send(response: ServerResponse, { status, body }: Answer): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}
