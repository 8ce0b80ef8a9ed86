import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { selfSigned } from "./self-signed.ts";
import { openTempDir } from "./temp-dir.ts";

type Json = Record<string, unknown>;
type Answer = { readonly status: number; readonly body: unknown };

/** An API server on loopback that holds objects by their path, takes new ones, and speaks merge and JSON patches of whole values. */
export type ScriptedApiServer = AsyncDisposable & {
  readonly apiServer: string;
  readonly caFile: string;
  /** A file with the token that it accepts. */
  readonly tokenFile: string;
  readonly objects: Map<string, Json>;
  /** Each request, as `METHOD path`. */
  readonly asked: string[];
  /** Says something else to a request, or runs before it is answered. */
  meddle: ((method: string, path: string) => Answer | undefined) | undefined;
};

const TOKEN = "token-of-the-pod";

/** Opens the server with these objects. */
export async function openScriptedApiServer(objects: Readonly<Record<string, Json>> = {}): Promise<ScriptedApiServer> {
  await using births = new AsyncDisposableStack();
  const dir = births.use(await openTempDir());
  const tls = selfSigned();
  const held = new Map<string, Json>();
  for (const [path, object] of Object.entries(objects)) held.set(path, { metadata: { resourceVersion: "1" }, ...object });
  const api: { meddle: ScriptedApiServer["meddle"] } = { meddle: undefined };
  const asked: string[] = [];
  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const [method, path] = [request.method ?? "", request.url ?? ""];
    const body = await text(request);
    asked.push(`${method} ${path}`);
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return { status: 401, body: {} };
    return api.meddle?.(method, path) ?? change(held, { method, path, body, type: request.headers["content-type"] ?? "" });
  };
  const server = createServer({ key: tls.key, cert: tls.cert }, (request, response) => {
    void answer(request).then(({ status, body }) => response.writeHead(status).end(JSON.stringify(body)));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  births.defer(async () => {
    server.closeAllConnections();
    await once(server.close(), "close");
  });
  const [caFile, tokenFile] = [join(dir.path, "ca.crt"), join(dir.path, "token")];
  await Promise.all([writeFile(caFile, tls.cert), writeFile(tokenFile, `${TOKEN}\n`)]);
  const apiServer = `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const lives = births.move();
  return Object.assign(api, { apiServer, caFile, tokenFile, objects: held, asked, [Symbol.asyncDispose]: () => lives.disposeAsync() });
}

type Change = { readonly method: string; readonly path: string; readonly body: string; readonly type: string };

function change(held: Map<string, Json>, { method, path, body, type }: Change): Answer {
  if (method === "POST") return create(held, path, JSON.parse(body) as Json);
  const object = held.get(path);
  if (object === undefined) return { status: 404, body: { kind: "Status" } };
  if (method === "GET") return { status: 200, body: object };
  if (method !== "PATCH") return { status: 405, body: {} };
  const patch = JSON.parse(body) as unknown;
  const version = String((object["metadata"] as Json)["resourceVersion"]);
  const changed = type === "application/json-patch+json" ? jsonPatched(object, patch as JsonPatch) : merged(object, patch as Json);
  if (changed === undefined) return { status: 422, body: {} };
  const metadata = changed["metadata"] as Json;
  if (metadata["resourceVersion"] !== version) return { status: 409, body: {} };
  held.set(path, { ...changed, metadata: { ...metadata, resourceVersion: String(Number(version) + 1) } });
  return { status: 200, body: held.get(path) };
}

function create(held: Map<string, Json>, collection: string, object: Json): Answer {
  const metadata = object["metadata"] as Json;
  const path = `${collection}/${String(metadata["name"])}`;
  if (held.has(path)) return { status: 409, body: {} };
  held.set(path, { ...object, metadata: { ...metadata, resourceVersion: "1" } });
  return { status: 201, body: held.get(path) };
}

function merged(object: Json, patch: Json): Json {
  const out = { ...object };
  for (const [key, value] of Object.entries(patch)) {
    const own = out[key];
    out[key] = isMap(value) ? merged(isMap(own) ? own : {}, value) : value;
  }
  return out;
}

type JsonPatch = readonly { readonly op: string; readonly path: string; readonly value: unknown }[];

function jsonPatched(object: Json, patch: JsonPatch): Json | undefined {
  const out = structuredClone(object);
  for (const { op, path, value } of patch) {
    const keys = path.slice(1).split("/");
    const last = keys.pop() ?? "";
    const parent = keys.reduce<Json>((at, key) => at[key] as Json, out);
    if (op === "replace") parent[last] = value;
    else if (JSON.stringify(parent[last]) !== JSON.stringify(value)) return undefined;
  }
  return out;
}

function isMap(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
