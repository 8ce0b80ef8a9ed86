import type { OutgoingHttpHeaders } from "node:http";
import type { Exchange } from "../connection/exchange.ts";
import type { Listing, MirrorBackend } from "../mirror-backend.ts";
import { withoutNs } from "../request/query.ts";
import type { Scope } from "../request/scope.ts";
import type { Endpoint } from "../request/target.ts";
import { bareMediaType, isHeaderValue, relayableChallenges, relayableWarnings } from "./header-value.ts";
import { hurry } from "./hurry.ts";
import { relativeLinks } from "./link.ts";
import { answerProblem, answerRefused, clientStatus, WITHHELD } from "./problem.ts";

/** The endpoints whose answer is the registry's own, passed on. */
export type ListingEndpoint = Extract<Endpoint, { kind: "tags" | "referrers" | "ping" }>;

/** One request for a listing: where it belongs, and the query as the client sent it. */
export type ListingTarget = { readonly endpoint: ListingEndpoint; readonly scope: Scope; readonly query: string };

// Everything else stays behind: cookies, validators, an OCI-Namespace or Via of the upstream's own.
const RELAYED = ["oci-filters-applied", "retry-after", "ratelimit-limit", "ratelimit-remaining", "docker-ratelimit-source"];

/** Tags, referrers and `/v2/`, passed through without a cache (contract 1.2, 1.8, 1.9). */
export async function answerListing(exchange: Exchange, target: ListingTarget, backend: MirrorBackend): Promise<void> {
  const { endpoint, scope } = target;
  const { accept } = exchange.request.headers;
  const suffix = suffixOf(endpoint);
  const query = endpoint.kind === "ping" ? "" : withoutNs(target.query);
  const asked = backend.listing({
    registry: scope.registry,
    ...(scope.name === undefined ? {} : { repository: scope.name }),
    path: `/v2/${scope.name ?? ""}${suffix}${query === "" ? "" : `?${query}`}`,
    headers: accept === undefined ? {} : { accept },
    caller: exchange.caller,
    signal: exchange.signal,
  });
  const answer = await hurry(exchange, asked, () => {});
  if (answer === undefined) return;
  const found = answer.value;
  // A client that names no registry asks whether the mirror is there: it is, whatever the default registry does.
  if (endpoint.kind === "ping" && !scope.named && found.kind === "refused" && found.status >= 500) answerPing(exchange);
  else if (found.kind === "refused") answerRefused(exchange, found);
  else relay(exchange, found, endpoint);
}

/** `/v2/` where there is no registry to ask. */
export function answerPing(exchange: Exchange): void {
  exchange.begin(200, { "Content-Type": "application/json", "Content-Length": 2 });
  exchange.finish(Buffer.from("{}"));
}

function suffixOf(endpoint: ListingEndpoint): string {
  switch (endpoint.kind) {
    case "ping":
      return "";
    case "tags":
      return "/tags/list";
    case "referrers":
      return `/referrers/${endpoint.digest}`;
  }
}

function relay(exchange: Exchange, listing: Listing, endpoint: ListingEndpoint): void {
  const headers = new Map(Object.entries(listing.headers).map(([name, value]) => [name.toLowerCase(), [value].flat()]));
  const status = listing.status === 200 ? 200 : clientStatus(listing.status);
  const challenges = relayableChallenges(headers.get("www-authenticate") ?? [], exchange.isLoopback);
  if (status === 401 && challenges === "withheld") {
    answerProblem(exchange, WITHHELD);
    return;
  }
  const link = endpoint.kind === "ping" ? [] : relativeLinks(headers.get("link") ?? [], ownPath(endpoint), exchange.namespace);
  if (link === undefined) {
    answerProblem(exchange, {
      status: 502,
      code: "UNSUPPORTED",
      message: "the registry's next page lies where this mirror does not reach",
    });
    return;
  }
  const type = headers.get("content-type")?.[0] ?? "application/json";
  const out: OutgoingHttpHeaders = {
    "Content-Type": status === 200 && endpoint.kind === "referrers" ? bareMediaType(type) : isHeaderValue(type) ? type : "application/json",
    "Content-Length": listing.body.length,
  };
  for (const name of RELAYED) setWhereAny(out, name, (headers.get(name) ?? []).filter(isHeaderValue));
  setWhereAny(out, "Warning", relayableWarnings(headers.get("warning") ?? []));
  setWhereAny(out, "Link", link);
  if (status === 401 && challenges !== "withheld") setWhereAny(out, "WWW-Authenticate", challenges);
  exchange.begin(status, out);
  exchange.finish(listing.body);
}

/** The path under which the client knows the listing: with the registry at its head where it was asked so. */
function ownPath(endpoint: Exclude<ListingEndpoint, { kind: "ping" }>): string {
  return `/v2/${endpoint.name}${suffixOf(endpoint)}`;
}

function setWhereAny(headers: OutgoingHttpHeaders, name: string, values: string[]): void {
  if (values.length > 0) headers[name] = values;
}
