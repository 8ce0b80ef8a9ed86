import { parseDigest, type Digest } from "./digest.ts";

/** A repository at a registry: `registry` is the name the image carries (`docker.io`), never the address dialled. */
export type Repository = { readonly registry: string; readonly name: string };

/** An image as people write it, read into its parts; `registry` and `name` already normalised (docker.io/library). */
export type Reference = Repository & { readonly tag?: string; readonly digest?: Digest };

const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const HOST = new RegExp(`^${LABEL}(?:\\.${LABEL})*(?::[0-9]{1,5})?$`);
// distribution-spec: clients cap host, "/" and name together at 255.
const MAX_NAME_CHARS = 255;

/** Whether `name` is a repository name (distribution-spec, "Pulling manifests"). */
export function isRepositoryName(name: string): boolean {
  return name.length <= MAX_NAME_CHARS && NAME.test(name);
}

/** Whether `tag` is a tag (distribution-spec, "Pulling manifests"). */
export function isTag(tag: string): boolean {
  return TAG.test(tag);
}

/** Whether `host` is `host[:port]` in lower case, without scheme, user, path or trailing dot. Says nothing about who may use it. */
export function isRegistryHost(host: string): boolean {
  if (host.length > MAX_NAME_CHARS || !HOST.test(host)) return false;
  const port = /:([0-9]+)$/.exec(host)?.[1];
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65_535);
}

/** Reads `[registry/]name[:tag][@digest]` as containerd and Docker do; undefined where it is none. Neither tag nor digest: tag `latest`. */
export function parseReference(text: string): Reference | undefined {
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : parseDigest(text.slice(at + 1));
  const beforeDigest = at < 0 ? text : text.slice(0, at);
  const slash = beforeDigest.indexOf("/");
  const head = slash < 0 ? "" : beforeDigest.slice(0, slash);
  const hasRegistry = head.includes(".") || head.includes(":") || head === "localhost";
  const rest = hasRegistry ? beforeDigest.slice(slash + 1) : beforeDigest;
  const colon = rest.lastIndexOf(":");
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  const registry = normalRegistry(hasRegistry ? head : "docker.io");
  const name = registry === "docker.io" && !path.includes("/") ? `library/${path}` : path;
  if (!isRegistryHost(registry) || !isRepositoryName(name)) return undefined;
  if (tag !== undefined && !isTag(tag)) return undefined;
  if (digest?.ok === false) return undefined;
  const pinned = digest === undefined ? {} : { digest: digest.digest };
  if (tag === undefined && digest === undefined) return { registry, name, tag: "latest" };
  return tag === undefined ? { registry, name, ...pinned } : { registry, name, tag, ...pinned };
}

/** The one name of a registry that has several: Docker Hub's hosts are all `docker.io`. */
export function normalRegistry(host: string): string {
  return host === "index.docker.io" || host === "registry-1.docker.io" ? "docker.io" : host;
}
