import type { HostId } from "@darner/domain";
import { createMirrorMetrics, openMirror } from "@darner/mirror";
import {
  ImagePatterns,
  openKeychain,
  openRegistryClient,
  registryBehind,
  registryConfigOf,
  type Keychain,
  type RefusedHost,
  type RegistryClient,
} from "@darner/registry-client";
import {
  createRegistry,
  formatAddress,
  listenServer,
  LruMap,
  openDataDir,
  openHealthServer,
  parseListen,
  systemClock,
  VERSION,
  type Config,
  type Logger,
  type ReadyState,
  type Registry,
  type Timers,
} from "@darner/runtime";
import { Rights } from "./access/rights.ts";
import { openAdminServer } from "./admin-api.ts";
import { openBackend, ownCredentials } from "./backend/open-backend.ts";
import { Books } from "./books.ts";
import { StatusBoard } from "./status-board.ts";
import { openIdentity } from "./identity/identity.ts";
import { openMembership } from "./membership/open-membership.ts";
import { openIngestAbort, type OnPoisoned } from "./containerd/ingest-abort.ts";
import { NodeBoard } from "./node-board.ts";
import { createDaemonMetrics, type DaemonMetrics, type StoreUsage } from "./metrics.ts";
import { openOnDemandNode } from "./p2p/on-demand-node.ts";
import { openPeers, type Peers } from "./peers/open-peers.ts";
import { requestLabels } from "./source/request-labels.ts";
import { explain } from "./record/explain.ts";
import { RecordBook } from "./record/record-book.ts";
import type { DaemonAddresses, DaemonStatus } from "./status.ts";
import { withZone } from "./zone.ts";
import { openWarming } from "./warming/open-warming.ts";

/** What a daemon is given from outside. */
export type DaemonDeps = { readonly log: Logger; readonly timers?: Timers };

/** A daemon that runs until it is disposed. */
export type RunningDaemon = AsyncDisposable & {
  readonly host: HostId;
  readonly addresses: DaemonAddresses;
  status(): DaemonStatus;
};

// Responses that run when the daemon is stopped have this long to end well; the rest end short and containerd goes on elsewhere.
const DRAIN_MS = 5000;
// Another host answers in milliseconds, or has to load libp2p first; people wait for it at a prompt.
const ASK_MS = 5000;
// Rows that people read in `darner status`; the log has every first one.
const MAX_REFUSED_HOSTS = 64;

/**
 * Opens a daemon: every part in the order it is needed; what was opened is closed in reverse.
 * Rejects with `StartError` (exit code 2) where it cannot start, with everything that was opened closed again.
 */
export async function openDaemon(given: Config, deps: DaemonDeps): Promise<RunningDaemon> {
  const { log, timers = systemClock } = deps;
  const config = await withZone(given, log);
  await using births = new AsyncDisposableStack();
  const registry = createRegistry();
  const opened: { peers?: Peers } = {};
  const node = new NodeBoard(timers);
  const usage = (): StoreUsage => opened.peers?.store.usage ?? { bytes: 0, blobs: 0 };
  const metrics = createDaemonMetrics(registry, usage, () => node.latest());
  const books = new Books(metrics);
  births.use(await openDataDir(config.dataDir, { purpose: "daemon", version: VERSION, log }));
  const identity = await openIdentity(config.dataDir);
  const membership = births.use(await openMembership(config, identity, log.child({ room: "membership" })));
  const keychain = await openKeychain(config.credentials, { log: log.child({ room: "keychain" }), timers, env: process.env });
  const refusedHosts = new LruMap<string, RefusedHost>({ maxEntries: MAX_REFUSED_HOSTS });
  const client = await openClient(config, births, { log, metrics, keychain, refusedHosts });
  const rights = new Rights(config.access, timers);
  const { poisoned } = births.use(openIngestAbort(config.containerd, { log, metrics }));
  const records = new RecordBook(timers);
  const shared = { log, timers, metrics, books, poisoned, client };
  const peers = births.use(await openPeers(config, { ...shared, records, identity, membership, facts: rights }));
  rights.onFound = (fact) => {
    peers.tellPublic(fact);
  };
  opened.peers = peers;
  const board = new StatusBoard({ config, identity, books, peers, refusedHosts, timers, node });
  const { address: mirror, sawProbe } = await openMirrorDoor(config, births, { ...shared, registry, keychain, peers, rights, board });
  const admin = births.use(
    await openAdminServer(config.listen.admin, {
      log,
      status: () => board.status(),
      explain: (digest) => explain(digest, { host: identity.host, name: config.name, records, store: peers.store }),
      askHost: (host, address) => askHost(host, address),
      sawProbe,
      takeReport: (report) => node.take(report),
    }),
  );
  const health = births.use(
    await openHealthServer(config.listen.metrics, "listen.metrics", { registry, log, ready: () => readiness(config, peers) }),
  );
  const p2p = births.use(
    await openOnDemandNode(
      { listen: config.listen.p2p, identity },
      { log, gate: membership.gate, status: () => Promise.resolve({ ...board.status() }) },
    ),
  );
  const askHost = (host: HostId, address: string): Promise<unknown> => p2p.askStatus({ host, address }, ASK_MS);
  const addresses = { mirror, pieces: peers.address, p2p: p2p.address, admin: admin.address, metrics: formatAddress(health.address) };
  board.opened(addresses);
  const access = { hasOwnCredential: ownCredentials(config, keychain), registryBehind: registryBehind(config.registries) };
  const warming = births.use(openWarming(peers, access, { timers, log: log.child({ room: "warming" }) }));
  peers.findScheduler(warming);
  log.info("daemon ready", { host: identity.host, ...addresses });
  const lives = births.move();
  return { host: identity.host, addresses, status: () => board.status(), [Symbol.asyncDispose]: () => lives.disposeAsync() };
}

type ClientParts = {
  readonly log: Logger;
  readonly metrics: DaemonMetrics;
  readonly keychain: Keychain;
  readonly refusedHosts: LruMap<string, RefusedHost>;
};

async function openClient(
  config: Config,
  births: AsyncDisposableStack,
  { log, metrics, keychain, refusedHosts }: ClientParts,
): Promise<RegistryClient> {
  const patterns = new ImagePatterns(config.mirror.allow, config.mirror.deny);
  const labels = requestLabels(Object.keys(config.registries));
  const client = openRegistryClient(await registryConfigOf(config, patterns), {
    log: log.child({ room: "registry-client" }),
    keychain,
    onRefused: (refused) => {
      refusedHosts.set(refused.host, refused);
    },
    observe: (request) => {
      metrics.sourceRequests.inc(labels(request));
    },
  });
  births.defer(() => client.close());
  return client;
}

/** Whoever asks has found the mirror listening: it opened before. An absent scheduler is a state that the answer names, no reason to be unready. */
function readiness({ schedulers }: Config, peers: Peers): ReadyState {
  const isAlone = schedulers.length > 0 && peers.scheduler() === undefined;
  return isAlone
    ? { ready: true, notes: [`no scheduler answers (${schedulers.join(", ")}): blobs come from the registries`] }
    : { ready: true };
}

type MirrorParts = {
  readonly log: Logger;
  readonly timers: Timers;
  readonly registry: Registry;
  readonly metrics: DaemonMetrics;
  readonly books: Books;
  readonly poisoned: OnPoisoned;
  readonly client: RegistryClient;
  readonly keychain: Keychain;
  readonly peers: Peers;
  readonly rights: Rights;
  readonly board: StatusBoard;
};

type MirrorDoor = { readonly address: string; readonly sawProbe: (registry: string) => boolean };

async function openMirrorDoor(config: Config, births: AsyncDisposableStack, parts: MirrorParts): Promise<MirrorDoor> {
  const { log, timers, registry, client, keychain, peers, rights, board, metrics, books, poisoned } = parts;
  const patterns = new ImagePatterns(config.mirror.allow, config.mirror.deny);
  const backend = births.use(openBackend(config, { log, timers, metrics, books, poisoned, client, keychain, peers, rights, patterns }));
  const mirror = openMirror({
    config: {
      defaultRegistry: config.mirror.defaultRegistry === "" ? undefined : config.mirror.defaultRegistry,
      allow: (name) => patterns.allowsRegistry(name),
      registries: Object.keys(config.registries),
      ownAddresses: ownNames(config),
      maxConnections: config.mirror.maxConnections,
      maxConnectionsPerClient: config.mirror.maxConnectionsPerClient,
      maxRequestsPerSecondPerClient: config.mirror.maxRequestsPerSecondPerClient,
    },
    backend,
    log: log.child({ room: "mirror" }),
    metrics: createMirrorMetrics(registry),
    clock: timers,
  });
  births.defer(() => mirror.close(DRAIN_MS));
  board.refusedRegistries = () => mirror.refusedRegistries();
  const address = formatAddress(await listenServer(mirror.server, config.listen.mirror, "listen.mirror"));
  return { address, sawProbe: (probe) => mirror.sawProbe(probe) };
}

/** The names under which a client could ask this mirror for itself. */
function ownNames(config: Config): string[] {
  const mirror = parseListen(config.listen.mirror);
  if (mirror === undefined) return [];
  const hosts = ["localhost", "127.0.0.1", mirror.host, ...(config.advertise === undefined ? [] : [config.advertise])];
  return hosts.map((host) => formatAddress({ host, port: mirror.port }));
}
