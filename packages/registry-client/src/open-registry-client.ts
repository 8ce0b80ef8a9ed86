import { systemClock } from "@darner/runtime";
import { Sender } from "./auth/sender.ts";
import { TokenClient } from "./auth/token-client.ts";
import { withDefaults, type RegistryClientConfig, type RegistryClientDeps } from "./config.ts";
import type { ContentParts } from "./content/content-client.ts";
import { unavailable } from "./content/failure.ts";
import { readHead } from "./content/head.ts";
import { readManifest } from "./content/manifest.ts";
import { openBlob } from "./content/open-blob.ts";
import { readBlob } from "./content/read-blob.ts";
import { relay } from "./content/relay.ts";
import type { RegistryClient } from "./registry-client.ts";
import { RegistryError } from "./registry-error.ts";
import { WireError } from "./wire/answer.ts";
import { BackOff } from "./wire/back-off.ts";
import { Hops } from "./wire/hops.ts";
import { Pools } from "./wire/pools.ts";
import { RefusedHosts } from "./wire/refused-hosts.ts";
import { upstreamOf, type Upstream } from "./wire/upstream.ts";

/** Opens a client for upstream registries. Connects to nobody yet; `close` ends every connection. */
export function openRegistryClient(config: RegistryClientConfig, deps: RegistryClientDeps): RegistryClient {
  const settings = withDefaults(config);
  const timers = deps.timers ?? systemClock;
  const pools = new Pools(settings, deps);
  const hops = new Hops(pools, deps);
  const refused = new RefusedHosts(deps.log, deps.onRefused);
  const sender = new Sender({
    hops,
    tokens: new TokenClient(hops, timers),
    backOff: new BackOff(timers),
    refused,
    keychain: deps.keychain,
    timers,
  });
  const parts: ContentParts = { sender, log: deps.log, timers, maxManifestBytes: settings.maxManifestBytes };
  const on = async <T>(registry: string, work: (upstream: Upstream) => Promise<T>): Promise<T> => {
    let upstream: Upstream | undefined;
    try {
      upstream = upstreamOf(registry, settings);
      return await work(upstream);
    } catch (error) {
      const told = upstream !== undefined && error instanceof WireError ? fromWire(upstream, error) : error;
      refused.note(told);
      throw told;
    }
  };
  return {
    head: (request) => on(request.repository.registry, (upstream) => readHead(parts, upstream, request)),
    manifest: (request) => on(request.repository.registry, (upstream) => readManifest(parts, upstream, request)),
    readBlob: (read, sink) => on(read.repository.registry, (upstream) => readBlob(parts, upstream, read, sink)),
    openBlob: (request) => on(request.repository.registry, (upstream) => openBlob(parts, upstream, request)),
    relay: (request) => on(request.registry, (upstream) => relay(parts, upstream, request)),
    close: () => pools.close(),
  };
}

/** A refusal by the checked lookup comes wrapped as a failed connection. */
function fromWire(upstream: Upstream, error: WireError): RegistryError {
  return error.cause instanceof RegistryError ? error.cause : unavailable(upstream, error);
}
