import type { IncomingMessage } from "node:http";
import type { Problem } from "./problem.ts";

/** What is looked at of a request's head, besides its target. */
export type RequestHead = Pick<IncomingMessage, "httpVersion" | "headersDistinct" | "rawHeaders">;

/** Headers a request may have. Clients send a dozen, proxies add a few; what comes beyond would be dropped by Node without a word. */
export const MAX_HEADERS = 128;
// The name the registry client puts into `Via`: a request that carries it has come from a mirror.
const VIA_NAME = "darner";
// RFC 3986 3.2.2 and 3.2.3: a name, an address or nothing, and a port; no path, no blank, no comma.
const HOST = /^(?:\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9\-._~%!$&'()*+;=]*)(?::[0-9]{0,5})?$/;

/**
 * What is wrong with a head that Node's parser let pass: two programs on the way could read it in two ways (RFC 9112 sections 3.2, 6.1
 * and 11.2), or it is no request of HTTP/1. The connection ends after the answer.
 */
export function problemOfHead({ httpVersion, headersDistinct, rawHeaders }: RequestHead): Problem | undefined {
  if (httpVersion !== "1.1" && httpVersion !== "1.0") return problem(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  if (rawHeaders.length > 2 * MAX_HEADERS) return problem(431, `the request has more than ${String(MAX_HEADERS)} headers`);
  const hosts = headersDistinct["host"] ?? [];
  if (hosts.length > 1 || (hosts.length === 0 && httpVersion === "1.1")) return problem(400, "a request has exactly one Host header");
  if (!hosts.every((host) => HOST.test(host))) return problem(400, "the Host header is no host");
  if ((headersDistinct["authorization"]?.length ?? 0) > 1) return problem(400, "a request has at most one Authorization header");
  const encodings = headersDistinct["transfer-encoding"];
  if (encodings !== undefined && (httpVersion === "1.0" || encodings.join().toLowerCase() !== "chunked")) {
    return problem(501, "of transfer encodings only chunked is known here, and only in HTTP/1.1");
  }
  const passed = (headersDistinct["via"] ?? []).flatMap((via) => via.split(","));
  if (passed.some((hop) => hop.trim().split(/\s+/)[1] === VIA_NAME)) {
    return problem(508, "the request came here from a mirror: two mirrors name each other as registry");
  }
  return undefined;
}

function problem(status: number, message: string): Problem {
  return { status, code: "UNSUPPORTED", message };
}
