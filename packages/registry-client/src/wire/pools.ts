import { getCACertificates } from "node:tls";
import { LruMap } from "@darner/runtime";
import { Pool } from "undici";
import type { RegistryClientDeps, RegistryClientSettings } from "../config.ts";
import { checkedLookup, dialPermission, resolveBySystem } from "./host-policy.ts";
import type { Upstream } from "./upstream.ts";

// Registries, their storage hosts and token services; beyond 256 the one unused for longest closes when its last request ends.
const MAX_POOLS = 256;
// Tokens and presigned locations come in headers; GitLab, ACR and ECR tokens exceed Node's 16 KiB (contract case 61).
const MAX_HEADER_BYTES = 64 * 1024;
// Below the 60 s after which common proxies close an idle connection themselves.
const KEEP_ALIVE_MS = 30_000;

/** Connections by registry and origin. A connection made under one registry's rules never serves another's. */
export class Pools {
  readonly #settings: RegistryClientSettings;
  readonly #deps: RegistryClientDeps;
  readonly #closing = new Set<Promise<void>>();
  readonly #pools = new LruMap<string, Pool>({ maxEntries: MAX_POOLS, onEvict: (_key, pool) => this.#retire(pool) });

  constructor(settings: RegistryClientSettings, deps: RegistryClientDeps) {
    this.#settings = settings;
    this.#deps = deps;
  }

  /** Connections to a URL's origin on behalf of a registry; throws `host-refused`. */
  poolFor(upstream: Upstream, url: URL): Pool {
    const permission = dialPermission(upstream, url);
    // Registries that are not listed share the public network's rules, and so their connections (to one CDN, say).
    const key = `${upstream.listed ? upstream.name : ""} ${url.origin}`;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    const { timeouts, maxConnectionsPerRegistry } = this.#settings;
    const pool = new Pool(url.origin, {
      connections: maxConnectionsPerRegistry,
      allowH2: false,
      maxHeaderSize: MAX_HEADER_BYTES,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: timeouts.headersMs,
      bodyTimeout: timeouts.idleMs,
      connect: {
        timeout: timeouts.connectMs,
        lookup: checkedLookup(url.host, permission, this.#deps.lookup ?? resolveBySystem),
        ...trusted(upstream),
      },
    });
    this.#pools.set(key, pool);
    return pool;
  }

  /** Ends every connection, with whatever is under way on it. */
  async close(): Promise<void> {
    const open = [...this.#pools.entries()].map(([, pool]) => pool.destroy());
    this.#pools.clear();
    await Promise.all([...open, ...this.#closing]);
  }

  #retire(pool: Pool): void {
    const closed = pool.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}

function trusted({ entry: { ca } }: Upstream): { ca?: string[] } {
  // The system's roots stay trusted: a registry with a private certificate may redirect to public storage.
  return ca === undefined ? {} : { ca: [...getCACertificates("default"), ca] };
}
