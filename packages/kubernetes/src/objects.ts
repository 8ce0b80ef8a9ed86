import { askApiServer, type ApiAnswer, type ApiServerConfig } from "./api-server.ts";

/** An object by `namespace/name`. */
export type ObjectName = { readonly namespace: string; readonly name: string };

/** What a Secret holds, and which version of it that is. */
export type SecretContent = { readonly version: string; readonly values: Readonly<Record<string, string>> };

/** What became of a change. */
export type Written =
  | "written"
  /** Somebody else changed the object since it was read. */
  | "conflict";

/** The API server turned a request down. */
export class ApiRefusal extends Error {
  readonly status: number;

  constructor(what: string, status: number) {
    super(`the API server answered ${String(status)} to ${what}${WHY[status] ?? ""}`);
    this.name = "ApiRefusal";
    this.status = status;
  }
}

const WHY: Readonly<Record<number, string>> = {
  401: ": the token of this pod is not valid there",
  403: ": the role of this pod's service account does not allow it",
  404: ": there is no such object",
};

/** `namespace/name` in its two parts. */
export function objectName(text: string): ObjectName {
  const [namespace = "", name = ""] = text.split("/");
  return { namespace, name };
}

/** Reads a Secret. Rejects with `ApiRefusal` where it may not be read or is not there. */
export async function readSecret(api: ApiServerConfig, secret: ObjectName): Promise<SecretContent> {
  const { status, body } = await askApiServer(api, { method: "GET", path: pathOf("secrets", secret) });
  if (status !== 200) throw new ApiRefusal(`a look at the secret ${secret.namespace}/${secret.name}`, status);
  const { metadata, data } = body as { metadata?: { resourceVersion?: unknown }; data?: Readonly<Record<string, unknown>> | null };
  const version = metadata?.resourceVersion;
  const values = Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(String(value), "base64").toString("utf8")]);
  return { version: typeof version === "string" ? version : "", values: Object.fromEntries(values) as Record<string, string> };
}

/** Puts values into a Secret as it was read at `version`; other values in it stay. */
export async function writeSecret(api: ApiServerConfig, secret: ObjectName, { version, values }: SecretContent): Promise<Written> {
  const data = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString("base64")]));
  const answer = await mergePatch(api, pathOf("secrets", secret), { metadata: { resourceVersion: version }, data });
  if (answer.status === 409) return "conflict";
  if (answer.status !== 200) throw new ApiRefusal(`a change of the secret ${secret.namespace}/${secret.name}`, answer.status);
  return "written";
}

/** Puts values into a ConfigMap; other values in it stay. */
export async function writeConfigMap(api: ApiServerConfig, map: ObjectName, data: Readonly<Record<string, string>>): Promise<void> {
  const { status } = await mergePatch(api, pathOf("configmaps", map), { data });
  if (status !== 200) throw new ApiRefusal(`a change of the config map ${map.namespace}/${map.name}`, status);
}

function mergePatch(api: ApiServerConfig, path: string, body: unknown): Promise<ApiAnswer> {
  return askApiServer(api, { method: "PATCH", path, body, contentType: "application/merge-patch+json" });
}

function pathOf(kind: "secrets" | "configmaps", { namespace, name }: ObjectName): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/${kind}/${encodeURIComponent(name)}`;
}
