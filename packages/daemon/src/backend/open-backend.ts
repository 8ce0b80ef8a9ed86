import type { Repository } from "@darner/domain";
import { registryBehind, type ImagePatterns, type Keychain, type RegistryClient } from "@darner/registry-client";
import type { Config, Logger, Timers } from "@darner/runtime";
import { Gate } from "../access/gate.ts";
import { Contents } from "../access/contents.ts";
import { ShownBytes } from "../access/shown-bytes.ts";
import { RecentNoes } from "../access/recent-noes.ts";
import type { Rights } from "../access/rights.ts";
import type { OnPoisoned } from "../containerd/ingest-abort.ts";
import type { Books } from "../books.ts";
import type { DaemonMetrics } from "../metrics.ts";
import type { Peers } from "../peers/open-peers.ts";
import { DaemonBackend } from "./daemon-backend.ts";

/** What the backend is put together from. */
export type BackendParts = {
  readonly log: Logger;
  readonly timers: Timers;
  readonly metrics: DaemonMetrics;
  readonly books: Books;
  readonly poisoned: OnPoisoned;
  readonly client: RegistryClient;
  readonly keychain: Keychain;
  readonly peers: Peers;
  readonly rights: Rights;
  readonly patterns: ImagePatterns;
};

/** Tells whether Darner has a credential of its own for a repository. */
export function ownCredentials({ registries }: Config, keychain: Keychain): (repository: Repository) => boolean {
  return (repository) => registries[repository.registry]?.credentials !== undefined || keychain.covers(repository);
}

/** Puts together what stands behind the mirror. */
export function openBackend(
  config: Config,
  { log, timers, metrics, books, poisoned, client, keychain, peers, rights, patterns }: BackendParts,
): DaemonBackend {
  if (config.access.mode === "open") {
    log.warn("ACCESS IS OPEN: whoever reaches the mirror gets every cached image, private ones too", {
      key: "access.mode",
      safe: "upstream",
    });
  }
  const contents = new Contents();
  const behind = registryBehind(config.registries);
  const gate = new Gate({
    registry: client,
    rights,
    contents,
    noes: new RecentNoes(timers, config.access.graceSeconds * 1000),
    metrics,
    hasOwnCredential: ownCredentials(config, keychain),
    held: (digest) => peers.store.findComplete(digest),
  });
  return new DaemonBackend(
    {
      gate,
      rights,
      contents,
      shown: new ShownBytes(client, behind, log.child({ room: "access" })),
      registryBehind: behind,
      registry: client,
      store: peers.store,
      peers: peers.table,
      buffers: peers.buffers,
      timers,
      log: log.child({ room: "backend" }),
      metrics,
      books,
      poisoned,
      maxManifestBytes: config.mirror.maxManifestBytes,
      tagTtlMs: config.mirror.tagTtlSeconds * 1000,
      graceMs: config.access.graceSeconds * 1000,
      announceComplete: (task, registry) => {
        peers.announceComplete(task, registry);
      },
    },
    patterns,
  );
}
