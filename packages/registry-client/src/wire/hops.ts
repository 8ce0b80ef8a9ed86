import type { Secret } from "@darner/runtime";
import type { RegistryClientDeps, RequestFinished } from "../config.ts";
import { RegistryError } from "../registry-error.ts";
import { exchange, WireError, type Answer } from "./answer.ts";
import type { Pools } from "./pools.ts";
import type { Upstream } from "./upstream.ts";

/** A request to one URL, redirects included. */
export type HopRequest = {
  readonly upstream: Upstream;
  readonly url: URL;
  readonly method: "GET" | "HEAD" | "POST";
  readonly purpose: RequestFinished["purpose"];
  readonly headers: Readonly<Record<string, string>>;
  /** Sent to the URL's own host only. */
  readonly authorization?: Secret | undefined;
  /** Of a POST. It holds a credential, and so goes to no other place than the URL: no redirect of a POST is followed. */
  readonly body?: Secret | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** The answer at the end of the redirects. */
export type HopAnswer = {
  readonly answer: Answer;
  /** Whether another host than the one asked gave it: its refusal says nothing about the caller's rights at the registry. */
  readonly elsewhere: boolean;
};

// contracts/registry-mirror.md 1.13: what containerd follows too.
const MAX_HOPS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
// A closed connection that the pool had not noticed yet is the one failure that a second try always mends.
const STALE_CONNECTION = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

/** Sends requests and follows their redirects by the rules of contracts/registry-mirror.md 1.13 and case 75. */
export class Hops {
  readonly #pools: Pools;
  readonly #deps: RegistryClientDeps;

  constructor(pools: Pools, deps: RegistryClientDeps) {
    this.#pools = pools;
    this.#deps = deps;
  }

  /** Rejects with `RegistryError` (`host-refused`, `refused`), `WireError` or the signal's reason. Redirects are never remembered. */
  async follow(request: HopRequest): Promise<HopAnswer> {
    let url = request.url;
    let elsewhere = false;
    let status = 0;
    for (let hop = 0; hop <= MAX_HOPS; hop += 1) {
      const answer = await this.#sendTwice(request, url, elsewhere);
      const location = answer.headers["location"];
      status = answer.status;
      if (!REDIRECTS.has(status) || typeof location !== "string") return { answer, elsewhere };
      const next = nextUrl(url, location);
      answer.discard();
      if (typeof next === "string") throw unfollowable(status, next);
      if (request.method === "POST") throw unfollowable(status, "a redirect of a request that shows a credential");
      // Once the chain has left the registry's host no credential travels on it any more, wherever it leads.
      elsewhere ||= next.origin !== request.url.origin;
      url = next;
    }
    throw unfollowable(status, `more than ${String(MAX_HOPS)} redirects`);
  }

  async #sendTwice(request: HopRequest, url: URL, elsewhere: boolean): Promise<Answer> {
    try {
      return await this.#send(request, url, elsewhere);
    } catch (error) {
      if (!(error instanceof WireError) || !isStale(error)) throw error;
      return this.#send(request, url, elsewhere);
    }
  }

  async #send(request: HopRequest, url: URL, elsewhere: boolean): Promise<Answer> {
    const { upstream, method, purpose, headers, authorization, body, signal } = request;
    const pool = this.#pools.poolFor(upstream, url);
    // Via tells a mirror that a mirror asks, so that two that name each other do not ask for ever (contract case 17).
    const own = elsewhere ? {} : { via: "1.1 darner", ...(authorization && { authorization: authorization.reveal() }) };
    const all = { "user-agent": "darner", "accept-encoding": "identity", ...headers, ...own };
    const options = { method, path: url.pathname + url.search, headers: all, ...(body && { body: body.reveal() }) };
    return exchange(pool, options, signal, (end) => {
      this.#deps.observe?.({ registry: upstream.name, purpose, method, ...end });
    });
  }
}

function isStale(error: WireError): boolean {
  const { cause } = error;
  return !error.answered && cause instanceof Error && "code" in cause && STALE_CONNECTION.has(String(cause.code));
}

/** Where a Location leads, or why it is not followed. */
function nextUrl(from: URL, location: string): URL | string {
  if (!URL.canParse(location, from.href)) return "a Location that is no URL";
  const next = new URL(location, from.href);
  if (next.protocol !== "https:" && next.protocol !== "http:") return "a redirect to another protocol";
  if (from.protocol === "https:" && next.protocol === "http:") return "a redirect from https to http";
  if (next.username !== "" || next.password !== "") return "a redirect with a user name in it";
  next.hash = "";
  return next;
}

function unfollowable(status: number, why: string): RegistryError {
  return new RegistryError({ code: "refused", status, body: new Uint8Array(), contentType: "" }, `the registry answered with ${why}`);
}
