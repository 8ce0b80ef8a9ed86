import { isIP } from "node:net";
import { isRegistryHost, normalRegistry } from "@darner/domain";
import type { RegistryClientSettings, RegistryEntry } from "../config.ts";
import { bareHostname, hostRefused, isLocalName } from "./host-name.ts";

/** A registry as it is dialled: the name images carry, and where it really is. */
export type Upstream = {
  readonly name: string;
  /** Whether the name is a key under `registries`. */
  readonly listed: boolean;
  readonly entry: RegistryEntry;
  /** The registry's root; paths like `/v2/…` are appended to it. */
  readonly base: URL;
  /** Whether the operator named this URL's host, so that it may be at a private address when asked for this registry. */
  lists(url: URL): boolean;
  /** Whether the operator forbade this URL's host. */
  denies(url: URL): boolean;
};

// Docker Hub answers at another host than the one its images are named by.
const ENDPOINTS: Readonly<Record<string, string>> = { "docker.io": "https://registry-1.docker.io" };

/** Finds where a registry is; throws `host-refused` where its name is none, is not allowed, or is local without being listed. */
export function upstreamOf(registry: string, settings: RegistryClientSettings): Upstream {
  const name = normalRegistry(registry);
  const listed = Object.hasOwn(settings.registries, name);
  const entry = (listed ? settings.registries[name] : undefined) ?? {};
  if (!listed && !isRegistryHost(name)) throw hostRefused(name.slice(0, 255), "it is no registry name");
  if (!settings.allow(name)) throw hostRefused(name, "it is not on the list of allowed registries");
  const base = baseOf(name, entry);
  if (!listed && (isIP(bareHostname(base)) !== 0 || isLocalName(bareHostname(base)))) {
    throw hostRefused(name, "an IP address or a local name has to be listed under registries");
  }
  const denies = (url: URL): boolean => settings.deny(url.host) || settings.deny(url.hostname);
  return { name, listed, entry, base, denies, lists: (url) => listed && listedHosts(settings, entry).some((host) => isHost(url, host)) };
}

function baseOf(name: string, entry: RegistryEntry): URL {
  const scheme = entry.plainHttp === true ? "http" : "https";
  const known = Object.hasOwn(ENDPOINTS, name) ? ENDPOINTS[name] : undefined;
  const where = entry.endpoint ?? known ?? name;
  const text = where.includes("://") ? where : `${scheme}://${where}`;
  if (!URL.canParse(text)) throw hostRefused(name, "its endpoint is no URL");
  return new URL(text);
}

// Every key under `registries` (a registry may redirect to another listed one), and what this registry's entry names besides.
function listedHosts(settings: RegistryClientSettings, entry: RegistryEntry): string[] {
  const named = [entry.endpoint, ...(entry.realms ?? [])].filter((text) => text !== undefined);
  const endpoints = Object.values(settings.registries).flatMap(({ endpoint }) => endpoint ?? []);
  return [...Object.keys(settings.registries), ...[...named, ...endpoints].map(hostIn)];
}

function hostIn(text: string): string {
  return text.includes("://") && URL.canParse(text) ? new URL(text).host : text;
}

/** Whether `url` is at `host`; a host without port stands for the scheme's own port. */
export function isHost(url: URL, host: string): boolean {
  if (url.host === host) return true;
  const port = url.port === "" ? (url.protocol === "http:" ? "80" : "443") : url.port;
  return `${url.hostname}:${port}` === host;
}
