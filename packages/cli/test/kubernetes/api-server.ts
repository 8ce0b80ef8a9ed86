import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { selfSigned } from "@darner/testkit";
import { Access, attemptOf, type User } from "./access.ts";
import { discovered } from "./discovery.ts";
import { apiVersionOf, kindNamed } from "./kinds.ts";
import { fieldsOf, isFields, textOf, type Fields, type KubeObject } from "./object.ts";
import { ObjectStore } from "./object-store.ts";
import { bodyOf, isChosen, targetOf, type Target } from "./requests.ts";
import { Refused, Writer } from "./writer.ts";

type Asked = { readonly target: Target; readonly query: URLSearchParams; readonly request: IncomingMessage };
type Answer = { readonly status: number; readonly body: object };

// A client that watches is told now and then how far it is, as by the real one.
const BOOKMARK_MS = 5000;

/**
 * Stands in for a Kubernetes API server: discovery, objects with strict field validation, server-side apply, watches, tokens and roles.
 * It runs nothing: what makes pods of a DaemonSet, and says that they are ready, watches its store.
 */
export class ApiServer implements AsyncDisposable {
  readonly store = new ObjectStore();
  readonly access: Access = new Access(this.store);
  /** One line for every request that changed something, as in `PATCH /apis/…`. */
  readonly writes: string[] = [];
  /** The certificate to trust, as PEM. */
  readonly ca: string;
  readonly #writer = new Writer(this.store);
  readonly #server: Server;

  private constructor(tls: { readonly key: string; readonly cert: string }) {
    this.ca = tls.cert;
    this.#server = createServer({ key: tls.key, cert: tls.cert }, (request, response) => {
      void this.#answer(request, response);
    });
    for (const name of ["default", "kube-system"]) this.#add("Namespace", { metadata: { name } });
  }

  /** Opens one: on loopback, or at a unix socket that something else leads to. */
  static async open(socket?: string): Promise<ApiServer> {
    const server = new ApiServer(selfSigned(["kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]));
    if (socket === undefined) server.#server.listen(0, "127.0.0.1");
    else server.#server.listen(socket);
    await once(server.#server, "listening");
    return server;
  }

  /** `https://127.0.0.1:port` */
  get url(): string {
    return `https://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Puts an object in by hand. */
  #add(kindName: string, object: Fields): void {
    const kind = kindNamed("v1", kindName);
    if (kind !== undefined) this.store.create(kind, { apiVersion: "v1", kind: kindName, ...object } as never);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = new URL(request.url ?? "/", "https://api");
      const user = this.access.userOf(request.headers.authorization);
      if (user === undefined) throw new Refused(401, "Unauthorized", "no token that is known");
      const found = request.method === "GET" ? discovered(url.pathname) : undefined;
      if (found !== undefined) {
        send(response, { status: 200, body: found });
        return;
      }
      if (/\/tokenreviews$|\/(?:self)?subjectaccessreviews$/.test(url.pathname)) {
        send(response, await this.#review(url.pathname, user, request));
        return;
      }
      const target = targetOf(url.pathname);
      if (target === undefined) throw new Refused(404, "NotFound", "the server could not find the requested resource");
      const asked = { target, query: url.searchParams, request };
      this.#check(user, asked);
      if (request.method === "GET" && url.searchParams.get("watch") === "true") this.#watch(asked, response);
      else send(response, await this.#handle(asked));
    } catch (error) {
      send(response, failure(error));
    }
  }

  async #review(path: string, user: User, request: IncomingMessage): Promise<Answer> {
    const asked = fieldsOf(await bodyOf(request));
    const resource = path.slice(path.lastIndexOf("/") + 1);
    const group = resource === "tokenreviews" ? "authentication.k8s.io" : "authorization.k8s.io";
    if (!this.access.allows(user, { verb: "create", group, resource, namespace: "", name: "" })) throw forbidden(user, resource);
    return { status: 201, body: resource === "tokenreviews" ? this.access.review(asked) : { ...asked, status: { allowed: true } } };
  }

  #check(user: User, { target, query, request }: Asked): void {
    const { kind, namespace, name, sub } = target;
    const verb = verbOf(request.method ?? "GET", name, query.get("watch") === "true");
    const attempt = attemptOf(verb, sub === "" ? kind : { ...kind, plural: `${kind.plural}/${sub}` }, namespace, name);
    if (!this.access.allows(user, attempt)) throw forbidden(user, `${verb} ${attempt.resource} ${namespace}/${name}`);
  }

  async #handle({ target, query, request }: Asked): Promise<Answer> {
    const { kind, namespace, name } = target;
    const { method = "GET" } = request;
    if (method === "GET") return { status: 200, body: name === "" ? this.#list(target, query) : this.#writer.existing(target) };
    this.writes.push(`${method} ${request.url ?? ""}`);
    const body = await bodyOf(request);
    switch (method) {
      case "POST":
        return { status: 201, body: await this.#writer.create(kind, namespace, fieldsOf(body), query) };
      case "PUT":
        return { status: 200, body: await this.#writer.replace(target, fieldsOf(body), query) };
      case "PATCH":
        return this.#writer.patch(target, body, { query, type: (request.headers["content-type"] ?? "").split(";")[0] ?? "" });
      case "DELETE":
        return { status: 200, body: name === "" ? this.#deleteAll(target, query) : this.#writer.delete(target, query) };
      default:
        throw new Refused(405, "MethodNotAllowed", `${method} is not supported`);
    }
  }

  #list(target: Target, query: URLSearchParams): object {
    const metadata = { resourceVersion: this.store.version };
    return { kind: `${target.kind.kind}List`, apiVersion: apiVersionOf(target.kind), metadata, items: this.#chosen(target, query) };
  }

  #chosen({ kind, namespace }: Target, query: URLSearchParams): KubeObject[] {
    return this.store.list(kind, namespace === "" ? undefined : namespace).filter((object) => isChosen(object, query));
  }

  #deleteAll(target: Target, query: URLSearchParams): object {
    for (const { metadata } of this.#chosen(target, query)) this.#writer.delete({ ...target, name: metadata.name }, query);
    return { kind: "Status", apiVersion: "v1", status: "Success" };
  }

  #watch({ target, query }: Asked, response: ServerResponse): void {
    const { kind, namespace, name } = target;
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    const tell = (type: string, object: object): void => {
      response.write(`${JSON.stringify({ type, object })}\n`);
    };
    const from = query.get("resourceVersion") ?? "";
    const known = from === "" || from === "0" ? this.store.version : from;
    const isStream = query.get("sendInitialEvents") === "true";
    if (known !== from || isStream) for (const object of this.#chosen(target, query)) tell("ADDED", object);
    const bookmark = (annotations?: object): void => {
      tell("BOOKMARK", {
        kind: kind.kind,
        apiVersion: apiVersionOf(kind),
        metadata: { resourceVersion: this.store.version, ...annotations },
      });
    };
    if (isStream) bookmark({ annotations: { "k8s.io/initial-events-end": "true" } });
    const end = this.store.watch(known, ({ type, kind: of, object }) => {
      const { metadata } = object;
      const isHere = of === kind && (namespace === "" || metadata.namespace === namespace) && (name === "" || metadata.name === name);
      if (isHere && isChosen(object, query)) tell(type, object);
    });
    const timer = setInterval(() => {
      if (query.get("allowWatchBookmarks") === "true") bookmark();
    }, BOOKMARK_MS);
    response.on("close", () => {
      clearInterval(timer);
      end();
    });
  }
}

function verbOf(method: string, name: string, isWatch: boolean): string {
  switch (method) {
    case "GET":
      return isWatch ? "watch" : name === "" ? "list" : "get";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "DELETE":
      return name === "" ? "deletecollection" : "delete";
    default:
      return method.toLowerCase();
  }
}

function forbidden(user: User, what: string): Refused {
  return new Refused(403, "Forbidden", `User "${user.name}" cannot ${what}`);
}

function failure(error: unknown): Answer {
  const { status, reason, message } = error instanceof Refused ? error : new Refused(400, "BadRequest", String(error));
  return { status, body: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code: status } };
}

function send(response: ServerResponse, { status, body }: Answer): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** The text of a failure, for a message. */
export function messageOf(body: unknown): string {
  return isFields(body) ? textOf(body["message"]) : "";
}
