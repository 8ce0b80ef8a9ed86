import type { Logger, Secret, Timers } from "@darner/runtime";
import type { Keychain } from "./keychain/keychain.ts";

/** What the operator says of one registry; the key it stands under is the name images carry. */
export type RegistryEntry = {
  /** Speak http instead of https. Never chosen by Darner itself. */
  readonly plainHttp?: boolean;
  /** Certificates (PEM) this registry's hosts may be signed by, besides the system's roots. */
  readonly ca?: string;
  /** Where the registry really is: `host[:port]`, or a URL with the path it is under; default: the name itself, docker.io at registry-1.docker.io. */
  readonly endpoint?: string;
  /** Darner's own credential for this registry. */
  readonly credentials?: { readonly username: string; readonly password: Secret };
  /** Further hosts (`sso.corp`, `sso.corp:8443`) or URL prefixes that token realms of this registry may name. */
  readonly realms?: readonly string[];
};

/** How long to wait for what. */
export type RegistryTimeouts = {
  /** Until a connection stands, TLS included. */
  readonly connectMs: number;
  /** From the request to the status line. */
  readonly headersMs: number;
  /** Between two pieces of a body, while the sink takes them. */
  readonly idleMs: number;
};

/** How the client behaves; see `withDefaults` for what is left out. */
export type RegistryClientConfig = {
  readonly registries?: Readonly<Record<string, RegistryEntry>>;
  /** Which registry names may be asked at all; default: every one. */
  readonly allow?: (registry: string) => boolean;
  /** Which hosts are never dialled, whoever leads there (a registry, a redirect, a realm); given `host` or `host:port`. Default: none. */
  readonly deny?: (host: string) => boolean;
  readonly maxConnectionsPerRegistry?: number;
  readonly maxManifestBytes?: number;
  readonly timeouts?: Partial<RegistryTimeouts>;
};

/** The settings with nothing left out. */
export type RegistryClientSettings = Required<Omit<RegistryClientConfig, "timeouts">> & { readonly timeouts: RegistryTimeouts };

/** One request to a registry, a storage host or a token service that ended, for metrics. Carries no URL. */
export type RequestFinished = {
  /** The registry it was for, by the name images carry. */
  readonly registry: string;
  readonly purpose: "manifest" | "blob" | "token" | "relay";
  readonly method: "GET" | "HEAD" | "POST";
  /** `error`: no status came, or the body broke. */
  readonly status: number | "error";
  readonly bodyBytes: number;
};

/** An address a host name resolves to. */
export type ResolvedAddress = { readonly address: string; readonly family: number };

/** A host that was not dialled, why, and the line of the configuration that would allow it. */
export type RefusedHost = { readonly host: string; readonly reason: string; readonly add: string };

/** What the client is given from outside. */
export type RegistryClientDeps = {
  readonly log: Logger;
  readonly observe?: (event: RequestFinished) => void;
  /** Told of every request that ended because a host may not be dialled. */
  readonly onRefused?: (refused: RefusedHost) => void;
  /** Resolves a host name; default: the system's resolver. */
  readonly lookup?: (hostname: string) => Promise<readonly ResolvedAddress[]>;
  readonly timers?: Timers;
  /** Darner's own credentials for registries that have none under `registries`. */
  readonly keychain?: Keychain;
};

// 64: what design.md section 2 sets for source.maxConnectionsPerRegistry.
const MAX_CONNECTIONS = 64;
// 16 MiB holds a manifest of 25 000 layers several times over (contracts/registry-mirror.md case 28).
const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;
// 20 s to the first byte is what a reader may wait for a slow registry (design.md section 3, 10); 10 s of silence is a dead stream.
const TIMEOUTS: RegistryTimeouts = { connectMs: 5000, headersMs: 20_000, idleMs: 10_000 };

/** Fills in what the configuration leaves out. */
export function withDefaults(config: RegistryClientConfig): RegistryClientSettings {
  return {
    registries: config.registries ?? {},
    allow: config.allow ?? (() => true),
    deny: config.deny ?? (() => false),
    maxConnectionsPerRegistry: config.maxConnectionsPerRegistry ?? MAX_CONNECTIONS,
    maxManifestBytes: config.maxManifestBytes ?? MAX_MANIFEST_BYTES,
    timeouts: { ...TIMEOUTS, ...config.timeouts },
  };
}
