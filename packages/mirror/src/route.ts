import { isProbeRegistry } from "@darner/domain";
import type { Logger } from "@darner/runtime";
import { answerBlob } from "./answer/blob.ts";
import { answerListing, answerPing } from "./answer/listing.ts";
import { answerManifest } from "./answer/manifest.ts";
import { answerProblem } from "./answer/problem.ts";
import type { Exchange } from "./connection/exchange.ts";
import type { MirrorBackend } from "./mirror-backend.ts";
import type { ProbeLog } from "./probe-log.ts";
import type { RefusedRegistries } from "./refused-registries.ts";
import { problemOfHead } from "./request/head.ts";
import { readNs } from "./request/query.ts";
import { readScope, repositoryOf } from "./request/scope.ts";
import type { Scope, ScopeRules } from "./request/scope.ts";
import { readTarget } from "./request/target.ts";
import type { Endpoint, Target } from "./request/target.ts";

/** What routing needs. */
export type RouteDeps = {
  readonly rules: ScopeRules;
  readonly maxRanges: number;
  readonly backend: MirrorBackend;
  readonly refused: RefusedRegistries;
  readonly probes: ProbeLog;
  readonly log: Logger;
};

/** Answers one request. */
export async function route(exchange: Exchange, deps: RouteDeps): Promise<void> {
  const { request } = exchange;
  if (request.method !== "GET" && request.method !== "HEAD") {
    refuseMethod(exchange);
    return;
  }
  const broken = problemOfHead(request);
  if (broken !== undefined) {
    exchange.closeAfter();
    answerProblem(exchange, broken);
    return;
  }
  takeBody(exchange);
  const target = readTarget(request.url ?? "");
  if (!target.ok) {
    answerProblem(exchange, target.problem);
    return;
  }
  await answerTarget(exchange, target.value, deps);
}

async function answerTarget(exchange: Exchange, target: Target, deps: RouteDeps): Promise<void> {
  const { endpoint, query } = target;
  exchange.route = routeKind(endpoint);
  const probe = probeIn(target);
  if (probe !== undefined) {
    deps.probes.note(probe);
    answerProblem(exchange, { status: 404, code: "NAME_UNKNOWN", message: "a probe of node set-up: it came to this mirror" });
    return;
  }
  const { ns, refused, scope } = readScope(query, endpoint.kind === "ping" ? undefined : endpoint.name, rulesAt(exchange, deps.rules));
  exchange.namespace = ns;
  if (refused !== undefined && !scope.ok) deps.refused.note(refused, scope.problem.message);
  if (scope.ok) return answerWithin(exchange, target, scope.value, deps);
  const isBarePing = endpoint.kind === "ping" && ns === undefined && scope.problem.status === 404;
  if (isBarePing) answerPing(exchange);
  else answerProblem(exchange, scope.problem);
}

/** The registry of a probe, which is asked for as `ns` or, by runtimes that send none, in front of the repository. */
function probeIn({ endpoint, query }: Target): string | undefined {
  const ns = readNs(query);
  const named = [ns.ok ? ns.value : undefined, endpoint.kind === "ping" ? undefined : endpoint.name.split("/")[0]];
  return named.find((name) => name !== undefined && isProbeRegistry(name));
}

async function answerWithin(exchange: Exchange, target: Target, scope: Scope, deps: RouteDeps): Promise<void> {
  const { endpoint, query } = target;
  switch (endpoint.kind) {
    case "manifest":
      return answerManifest(exchange, repositoryOf(scope), endpoint, deps.backend);
    case "blob":
      return answerBlob(exchange, repositoryOf(scope), endpoint.digest, deps);
    case "ping":
    case "tags":
    case "referrers":
      return answerListing(exchange, { endpoint, scope, query }, deps.backend);
  }
}

function routeKind(endpoint: Endpoint): Exchange["route"] {
  switch (endpoint.kind) {
    case "tags":
    case "referrers":
      return "listing";
    case "ping":
    case "manifest":
    case "blob":
      return endpoint.kind;
  }
}

/** Writes are refused before their body is read, and the connection ends: nobody wants 10 GiB to find that out (contract 1.15). */
function refuseMethod(exchange: Exchange): void {
  exchange.closeAfter();
  answerProblem(exchange, { status: 405, code: "UNSUPPORTED", message: "this mirror only serves pulls" }, { Allow: "GET, HEAD" });
}

// A GET has no use for a body; conformance tests and proxies send small ones.
const MAX_DRAINED_BYTES = 64 * 1024;

/** A small body is read and forgotten; with any other the connection ends after the response. */
function takeBody(exchange: Exchange): void {
  const { request } = exchange;
  // The parser takes what follows for the other protocol's and drops it: a request sent ahead would wait for its answer forever.
  if (request.headers.upgrade !== undefined) exchange.closeAfter();
  const length = Number(request.headers["content-length"] ?? 0);
  if (request.headers["transfer-encoding"] === undefined && request.headers.expect === undefined && length <= MAX_DRAINED_BYTES) {
    request.resume();
  } else if (request.headers["transfer-encoding"] !== undefined || length > 0) {
    exchange.closeAfter();
  }
}

/** The address this very connection came in by is the mirror's own as well. */
function rulesAt(exchange: Exchange, rules: ScopeRules): ScopeRules {
  const { localAddress = "", localPort = 0 } = exchange.request.socket;
  const address = localAddress.replace(/^::ffff:/, "");
  const local = `${address.includes(":") ? `[${address}]` : address}:${String(localPort)}`;
  return { ...rules, isOwn: (host) => host === local || rules.isOwn(host) };
}
