import type { Repository } from "@darner/domain";

/** Where a credential is for: a registry, or the repositories below a path there. */
export type CredentialPlace = { readonly host: string; readonly path: string };

// Docker Hub's spellings in docker's own files; images are known as docker.io.
const HUB_HOSTS: ReadonlySet<string> = new Set(["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"]);
// Docker wrote the API's version behind the host, the kubelet takes it off again.
const API_VERSIONS: ReadonlySet<string> = new Set(["v1", "v2"]);
const HOST = /^[a-z0-9*](?:[a-z0-9.*-]*[a-z0-9])?(?::[0-9]{1,5})?$/;
const PATH = /^[a-z0-9][a-z0-9._/-]*$/;

/** Reads a key of docker's `auths`: a URL or `host[:port][/path]`, where a label of the host may be `*`; undefined: it is none. */
export function parsePlace(key: string): CredentialPlace | undefined {
  const bare = key
    .trim()
    .toLowerCase()
    .replace(/^https?:\/\//, "")
    .replace(/\/+$/, "");
  const [host = "", ...segments] = bare.split("/");
  if (segments[0] !== undefined && API_VERSIONS.has(segments[0])) segments.shift();
  const path = segments.join("/");
  if (!HOST.test(host) || (path !== "" && !PATH.test(path))) return undefined;
  return { host: HUB_HOSTS.has(host) ? "docker.io" : host, path };
}

/** Whether a credential of this place is for this repository: the same host (`*` stands for one label), and the path or below. */
export function isFor({ host, path }: CredentialPlace, { registry, name }: Repository): boolean {
  if (!hostMatches(host, registry)) return false;
  return path === "" || name === path || name.startsWith(`${path}/`);
}

/** Sorts places from the closest to the widest: the longer path first, then the host without a `*`. */
export function byCloseness(a: CredentialPlace, b: CredentialPlace): number {
  return b.path.length - a.path.length || Number(a.host.includes("*")) - Number(b.host.includes("*"));
}

function hostMatches(pattern: string, registry: string): boolean {
  if (!pattern.includes("*")) return pattern === registry;
  const [labels, others] = [pattern.split("."), registry.split(".")];
  return labels.length === others.length && labels.every((label, at) => labelMatches(label, others[at] ?? ""));
}

function labelMatches(pattern: string, label: string): boolean {
  const [head = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return pattern === label;
  let at = head.length;
  if (!label.startsWith(head)) return false;
  for (const [index, part] of rest.entries()) {
    const isLast = index === rest.length - 1;
    const found = isLast ? label.length - part.length : label.indexOf(part, at);
    if (found < at || !label.startsWith(part, found)) return false;
    at = found + part.length;
  }
  return true;
}
