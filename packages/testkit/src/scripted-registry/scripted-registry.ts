import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { AccessGate, type AccessPlan } from "./access.ts";
import { answerOf, errorAnswer, rangedAnswer, withFault, type Answer } from "./answer.ts";
import { RegistryContent } from "./content.ts";
import { FaultScript, type Fault, type ScriptedFault } from "./fault.ts";
import { routeOf, type Route } from "./route.ts";
import { send } from "./send.ts";

/** How a scripted registry is set up. */
export type ScriptedRegistryPlan = {
  readonly access?: AccessPlan;
  /** Serve https with this key and certificate (PEM); default: plain http. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Asked before the registry itself answers (not for the host redirects lead to): an answer of its own, or undefined. */
  readonly door?: (asked: AskedAtDoor) => DoorAnswer | undefined;
};

/** What a door knows of a request. */
export type AskedAtDoor = {
  readonly route: Route;
  readonly method: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  /** The digest and media type of the manifest that would be sent. */
  readonly manifest: { readonly digest: string; readonly mediaType: string } | undefined;
};

/** What a door answers instead of the registry. */
export type DoorAnswer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string };

/** One request as the registry saw it; `bodyBytes` and `status` fill up while it is answered. */
export type LoggedRequest = {
  readonly host: "first" | "second";
  readonly method: string;
  /** The path without its query. */
  readonly path: string;
  readonly query: string;
  readonly kind: Route["kind"];
  readonly range: string | undefined;
  readonly accept: string | undefined;
  readonly userAgent: string | undefined;
  /** Scheme of the Authorization header; undefined where there was none. */
  readonly authorization: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  status: number;
  bodyBytes: number;
};

/** A registry in this process, on loopback, that answers as scripted. */
export type ScriptedRegistry = AsyncDisposable & {
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly origin: string;
  /** The host redirects lead to. */
  readonly secondHost: string;
  readonly content: RegistryContent;
  readonly requests: LoggedRequest[];
  /** Body bytes of manifests and blobs sent by both hosts so far. */
  bodyBytes(): number;
  fault(fault: Fault): ScriptedFault;
  clearFaults(): void;
  /** Every token issued so far is no good any more. */
  expireTokens(): void;
  /** Closes every connection, as a registry or a load balancer does with idle ones. */
  dropConnections(): void;
  close(): Promise<void>;
};

/** Opens a registry on two ports of 127.0.0.1: itself, and the host its redirects lead to. */
export async function openScriptedRegistry(plan: ScriptedRegistryPlan = {}): Promise<ScriptedRegistry> {
  const state = new RegistryState(plan.access ?? {}, plan.door);
  const listeners = [listen(plan, state.listener("first")), listen(plan, state.listener("second"))] as const;
  const [first, second] = await Promise.all(listeners);
  const scheme = plan.tls === undefined ? "http" : "https";
  state.origins = { first: `${scheme}://${hostOf(first)}`, second: `${scheme}://${hostOf(second)}` };
  const close = async (): Promise<void> => {
    state.closing.abort();
    await Promise.all([first, second].map(closeServer));
  };
  return {
    host: hostOf(first),
    origin: state.origins.first,
    secondHost: hostOf(second),
    content: state.content,
    requests: state.requests,
    bodyBytes: () =>
      state.requests.filter(({ kind }) => kind === "blob" || kind === "manifest").reduce((sum, { bodyBytes }) => sum + bodyBytes, 0),
    fault: (fault) => state.faults.add(fault),
    clearFaults: () => {
      state.faults.clear();
    },
    expireTokens: () => {
      state.gate.expireTokens();
    },
    dropConnections: () => {
      for (const server of [first, second]) server.closeAllConnections();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

class RegistryState {
  readonly content = new RegistryContent();
  readonly faults = new FaultScript();
  readonly requests: LoggedRequest[] = [];
  readonly closing = new AbortController();
  readonly gate: AccessGate;
  origins = { first: "", second: "" };

  readonly #door: ScriptedRegistryPlan["door"];

  constructor(access: AccessPlan, door: ScriptedRegistryPlan["door"]) {
    this.gate = new AccessGate(access);
    this.#door = door;
  }

  listener(host: "first" | "second"): RequestListener {
    return (request, response) => {
      this.#serve(host, request, response).catch((error: unknown) => {
        // Closing the registry and a client that went away end a held answer; anything else is a bug in the script.
        if (!this.closing.signal.aborted && !response.destroyed) response.destroy(error instanceof Error ? error : undefined);
      });
    };
  }

  async #serve(host: "first" | "second", request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = request.url ?? "/";
    const route = routeOf(target.split("?")[0] ?? "/");
    const form = route.kind === "token" && request.method === "POST" ? new URLSearchParams(await text(request)) : undefined;
    request.resume();
    const logged = log(host, request, route);
    this.requests.push(logged);
    const content = this.#contentOf(route);
    const to = { first: this.origins.first + target, second: this.origins.second + target };
    const ranged = logged.range !== undefined;
    let answer = form === undefined ? this.#answer(host, route, request, content?.bytes) : this.#tokenAnswer(form);
    for (const fault of this.faults.strike({ ...logged, host, ranged })) answer = withFault(answer, fault, content?.bytes, to);
    logged.status = answer.status;
    await send(response, answer, request.method !== "HEAD", this.closing.signal, (bytes) => {
      logged.bodyBytes += bytes;
    });
  }

  #contentOf(route: Route): { bytes: Uint8Array; mediaType: string; digest: string } | undefined {
    if (route.kind === "blob") return this.content.blob(route.repository, route.reference);
    return route.kind === "manifest" ? this.content.manifest(route.repository, route.reference) : undefined;
  }

  #answer(host: "first" | "second", route: Route, request: IncomingMessage, bytes: Uint8Array | undefined): Answer {
    const { authorization, range } = request.headers;
    const query = new URLSearchParams(request.url?.split("?")[1] ?? "");
    // Nothing is written here.
    if (request.method !== "GET" && request.method !== "HEAD") return errorAnswer(405, "UNSUPPORTED", { allow: "GET, HEAD" });
    const turnedAway = host === "first" ? this.#doorAnswer(route, request, query) : undefined;
    if (turnedAway !== undefined) return turnedAway;
    if (route.kind === "token") {
      if (this.gate.speaksOAuth2) return errorAnswer(405, "UNSUPPORTED", { allow: "POST" });
      const issued = this.gate.issue(authorization, query);
      return issued === undefined ? errorAnswer(401, "UNAUTHORIZED") : jsonAnswer("application/json", issued);
    }
    // The second host is a bucket behind signed links: whoever has the link gets the content, and no token is looked at.
    const verdict =
      host === "second"
        ? { kind: "allowed" as const }
        : this.gate.judge(authorization, "repository" in route ? route.repository : undefined, this.origins.first);
    if (verdict.kind === "challenge") return errorAnswer(401, "UNAUTHORIZED", { "www-authenticate": verdict.value });
    return this.#contentAnswer(route, query, range, bytes);
  }

  #doorAnswer(route: Route, request: IncomingMessage, query: URLSearchParams): Answer | undefined {
    const manifest = route.kind === "manifest" ? this.content.manifest(route.repository, route.reference) : undefined;
    const { method = "GET", headers } = request;
    const answer = this.#door?.({ route, method, query, headers, manifest });
    return answer === undefined ? undefined : answerOf(answer.status, { ...answer.headers }, new TextEncoder().encode(answer.body));
  }

  /** Clients that POST for a token where none is given so come back with a GET. */
  #tokenAnswer(form: URLSearchParams): Answer {
    if (!this.gate.speaksOAuth2) return errorAnswer(405, "UNSUPPORTED", { allow: "GET, HEAD" });
    const issued = this.gate.issueOAuth2(form);
    return issued === undefined ? errorAnswer(401, "UNAUTHORIZED") : jsonAnswer("application/json", issued);
  }

  #contentAnswer(
    route: Exclude<Route, { kind: "token" }>,
    query: URLSearchParams,
    range: string | undefined,
    bytes: Uint8Array | undefined,
  ): Answer {
    switch (route.kind) {
      case "ping":
        return jsonAnswer("application/json", {});
      case "other":
        return errorAnswer(404, "UNSUPPORTED");
      case "tags":
        return this.#tagsAnswer(route.repository, query);
      case "referrers":
        return jsonAnswer("application/vnd.oci.image.index.v1+json", {
          schemaVersion: 2,
          mediaType: "application/vnd.oci.image.index.v1+json",
          manifests: this.content.referrers(route.repository, route.reference),
        });
      case "blob":
        if (bytes === undefined) return errorAnswer(404, "BLOB_UNKNOWN");
        return rangedAnswer(bytes, { "content-type": "application/octet-stream", "docker-content-digest": route.reference }, range);
      case "manifest": {
        const manifest = this.content.manifest(route.repository, route.reference);
        if (manifest === undefined) return errorAnswer(404, "MANIFEST_UNKNOWN");
        return answerOf(200, { "content-type": manifest.mediaType, "docker-content-digest": manifest.digest }, manifest.bytes);
      }
    }
  }

  #tagsAnswer(repository: string, query: URLSearchParams): Answer {
    const tags = this.content.tags(repository);
    if (tags === undefined) return errorAnswer(404, "NAME_UNKNOWN");
    const last = query.get("last");
    const after = last === null ? tags : tags.filter((tag) => tag > last);
    const count = query.has("n") ? Number(query.get("n")) : after.length;
    const page = after.slice(0, count);
    const answer = jsonAnswer("application/json", { name: repository, tags: page });
    if (page.length < after.length && page.length > 0) {
      answer.headers["link"] = `</v2/${repository}/tags/list?n=${String(count)}&last=${page.at(-1) ?? ""}>; rel="next"`;
    }
    return answer;
  }
}

function jsonAnswer(contentType: string, value: unknown): Answer {
  return answerOf(200, { "content-type": contentType }, new TextEncoder().encode(JSON.stringify(value)));
}

function log(host: "first" | "second", request: IncomingMessage, { kind }: Route): LoggedRequest {
  const [path = "/", query = ""] = (request.url ?? "/").split("?");
  const { range, accept, authorization, "user-agent": userAgent } = request.headers;
  const method = request.method ?? "GET";
  const scheme = authorization?.split(" ")[0];
  return {
    host,
    method,
    path,
    query,
    kind,
    range,
    accept,
    userAgent,
    authorization: scheme,
    headers: request.headers,
    status: 0,
    bodyBytes: 0,
  };
}

async function listen(plan: ScriptedRegistryPlan, listener: RequestListener): Promise<Server> {
  const server = plan.tls === undefined ? createServer(listener) : createTlsServer(plan.tls, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}

function hostOf(server: Server): string {
  return `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}
