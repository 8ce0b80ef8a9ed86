import { join } from "node:path";
import { pieceCount, PieceSet, type Task, hostPlatform } from "@darner/domain";
import { DEFAULT_LIMITS } from "@darner/peer-core";
import type { PublicFact, WarmReport } from "@darner/protocol";
import type { RegistryClient } from "@darner/registry-client";
import { formatAddress, parseListen, TokenBucket, VERSION, type Config, type Logger, type Timers } from "@darner/runtime";
import type { Identity } from "../identity/identity.ts";
import type { OnPoisoned } from "../containerd/ingest-abort.ts";
import type { Books } from "../books.ts";
import type { HostMembership } from "../membership/open-membership.ts";
import type { DaemonMetrics } from "../metrics.ts";
import type { PieceFetcher } from "../piece-channel/piece-channel.ts";
import { openPieceFetcher } from "../piece-channel/piece-fetcher.ts";
import { openPieceServer } from "../piece-channel/piece-server.ts";
import { GrpcSchedulerLink } from "../scheduler-link/grpc-scheduler-link.ts";
import { noSchedulerLink } from "../scheduler-link/no-scheduler-link.ts";
import type { FactBook, SchedulerLink, SchedulerStanding, WarmListener } from "../scheduler-link/scheduler-link.ts";
import type { RecordBook } from "../record/record-book.ts";
import { openDiskStore } from "../store/disk-store.ts";
import { FirstUse } from "../store/rot/first-use.ts";
import { Scrubber } from "../store/rot/scrubber.ts";
import type { BlobStore } from "../store/store.ts";
import { openProver } from "../store/worker-prover.ts";
import { channelBooks } from "./channel-books.ts";
import type { PeerDeps } from "./peer-deps.ts";
import { PeerTable } from "./peer-table.ts";
import { ReadBuffers } from "./read-buffers.ts";

/** What the peers of a daemon are put together from. */
export type PeersParts = {
  readonly log: Logger;
  readonly timers: Timers;
  readonly metrics: DaemonMetrics;
  readonly books: Books;
  readonly poisoned: OnPoisoned;
  readonly records: RecordBook;
  readonly identity: Identity;
  readonly membership: HostMembership;
  readonly client: RegistryClient;
  readonly facts: FactBook;
};

/** Store, piece channel, scheduler link and the running peers: everything between the mirror and the other hosts. */
export type Peers = AsyncDisposable & {
  readonly table: PeerTable;
  readonly store: BlobStore;
  readonly buffers: ReadBuffers;
  /** Where the piece channel listens. */
  readonly address: string;
  /** How the schedulers stand with this host. */
  readonly schedulers: () => SchedulerStanding;
  /** The scheduler that is followed. */
  readonly scheduler: () => string | undefined;
  /** Begins to look for a scheduler; before that the daemon is alone. */
  findScheduler(warming: WarmListener): void;
  announceComplete(task: Task, registry: string): void;
  /** Tells the cluster what this host heard from a registry. */
  tellPublic(fact: PublicFact): void;
  tellWarmed(report: WarmReport): void;
};

/** Opens them in the order they need each other. */
export async function openPeers(config: Config, parts: PeersParts): Promise<Peers> {
  const { log, timers } = parts;
  await using births = new AsyncDisposableStack();
  const { maxBytes, minFreeBytes } = config.store;
  const store = births.use(
    await openDiskStore({ dir: join(config.dataDir, "store"), maxBytes, minFreeBytes }, { log: log.child({ room: "store" }) }),
  );
  const prover = births.use(openProver({ log: log.child({ room: "store" }) }));
  const { firstUse } = openRotChecks(config, parts, births, { store, prover });
  // Completions on their way to the disk when the daemon stops are waited for; bounded by the peers that run.
  const completions = new Set<Promise<void>>();
  births.defer(async () => {
    await Promise.all(completions);
  });
  const { downloadBytesPerSecond, uploadBytesPerSecond } = config.limits;
  const downloadLimit = births.use(limitOf(downloadBytesPerSecond, timers));
  const uploadLimit = births.use(limitOf(uploadBytesPerSecond, timers));
  const fetcher = births.use(openFetcher(config, parts, downloadLimit));
  const buffers = new ReadBuffers();
  let link: SchedulerLink = noSchedulerLink;
  const { verify } = config.mirror;
  const table = openTable(parts, { verify, store, prover, firstUse, buffers, fetcher, downloadLimit, link: () => link, completions });
  births.defer(() => {
    table.close();
  });
  const server = births.use(await openServer(config, parts, { store, firstUse, table, uploadLimit }));
  births.defer(() => link[Symbol.asyncDispose]());
  store.onDropped((task) => {
    link.dropped(task);
  });
  const lives = births.move();
  return {
    table,
    store,
    buffers,
    address: server.address,
    schedulers: () => link.standing,
    scheduler: () => link.scheduler,
    findScheduler: (warming) => {
      if (config.schedulers.length === 0) return;
      const found = schedulerLink(config, parts, { table, warming, address: server.address });
      link = found;
      found.start();
    },
    announceComplete: (task, registry) => {
      link.announce({ task, proven: true, have: PieceSet.full(pieceCount(task.size)), registry });
    },
    tellPublic: (fact) => {
      link.tellPublic(fact);
    },
    tellWarmed: (report) => {
      link.tellWarmed(report);
    },
    [Symbol.asyncDispose]: () => lives.disposeAsync(),
  };
}

function schedulerLink(
  config: Config,
  { identity, membership: { join }, facts, timers, metrics, log }: PeersParts,
  { table, warming, address }: { readonly table: PeerTable; readonly warming: WarmListener; readonly address: string },
): GrpcSchedulerLink {
  return new GrpcSchedulerLink(
    { schedulers: config.schedulers, hello: helloOf(config, identity, address), ...(join === undefined ? {} : { join }) },
    {
      listener: table,
      facts,
      warming,
      timers,
      random: Math.random,
      log: log.child({ room: "scheduler-link" }),
      onRefused: (reason) => {
        metrics.schedulerRefusals.inc({ reason });
      },
      onMoved: (reason) => {
        metrics.schedulerMoves.inc({ reason });
      },
    },
  );
}

/** Two ways to find what changed on the disk: at a blob's first use in this life of the process, and by reading everything again slowly. */
function openRotChecks(
  config: Config,
  { log, timers, books }: PeersParts,
  births: AsyncDisposableStack,
  { store, prover }: Pick<PeerDeps, "store" | "prover">,
): { readonly firstUse: FirstUse } {
  const storeLog = log.child({ room: "store" });
  const onRotten = ({ digest }: Task): void => {
    storeLog.error("blob changed on the disk since it was proven: it is put aside and fetched again when somebody wants it", {
      task: digest,
    });
    books.wrongBytes("rotten", join(config.dataDir, "store"), digest);
  };
  const firstUse = births.use(new FirstUse({ store, prover, log: storeLog, onRotten }));
  const onChecked = (task: Task): void => {
    firstUse.found(task);
  };
  const { scrubBytesPerSecond } = config.store;
  if (scrubBytesPerSecond > 0) births.use(new Scrubber(scrubBytesPerSecond, { store, prover, timers, log: storeLog, onRotten, onChecked }));
  return { firstUse };
}

type TableParts = Pick<PeerDeps, "verify" | "store" | "prover" | "firstUse" | "buffers" | "link"> & {
  readonly fetcher: PieceFetcher;
  readonly downloadLimit: TokenBucket | undefined;
  readonly completions: Set<Promise<void>>;
};

function openTable({ client, timers, log, metrics, books, poisoned, records }: PeersParts, parts: TableParts): PeerTable {
  const { verify, store, prover, firstUse, buffers, link, fetcher, downloadLimit, completions } = parts;
  return new PeerTable({
    limits: DEFAULT_LIMITS,
    verify,
    random: Math.random,
    timers,
    log: log.child({ room: "peers" }),
    metrics,
    books,
    poisoned,
    records,
    store,
    prover,
    firstUse,
    buffers,
    transfers: {
      fetcher,
      registry: client,
      onSourceBytes: (bytes, cause) => {
        metrics.sourceBytes.inc({ cause: cause === "granted" && link().isSplit ? "split-view" : cause }, bytes);
      },
      takeDownload: downloadLimit === undefined ? undefined : (bytes) => downloadLimit.take(bytes),
    },
    link,
    completing: (completion) => {
      completions.add(completion);
      void completion.finally(() => completions.delete(completion));
    },
  });
}

/** A limit, where one is set. */
function limitOf(bytesPerSecond: number, timers: Timers): TokenBucket | undefined {
  return bytesPerSecond === 0 ? undefined : new TokenBucket({ bytesPerSecond, timers });
}

type Served = {
  readonly store: BlobStore;
  readonly firstUse: FirstUse;
  readonly table: PeerTable;
  readonly uploadLimit: TokenBucket | undefined;
};

function openServer(
  config: Config,
  { identity, membership, log, books, metrics }: PeersParts,
  { store, firstUse, table, uploadLimit }: Served,
): ReturnType<typeof openPieceServer> {
  return openPieceServer(
    { listen: config.listen.pieces, encryption: config.pieces.encryption, maxConnections: config.limits.uploadConnections },
    {
      identity,
      // A child checks every piece itself; that it asks is reason enough to look whether this host still has what it says.
      store: {
        open: (task) => {
          const blob = store.open(task);
          if (blob !== undefined) firstUse.of(blob);
          return blob;
        },
      },
      lend: (task) => table.lend(task),
      gate: membership.gate,
      ...(uploadLimit === undefined ? {} : { uploadLimit }),
      log: log.child({ room: "piece-channel" }),
      observe: channelBooks(books, metrics),
    },
  );
}

function openFetcher(
  config: Config,
  { identity, membership, log, timers, books, metrics }: PeersParts,
  downloadLimit: TokenBucket | undefined,
): PieceFetcher {
  return openPieceFetcher(
    { encryption: config.pieces.encryption },
    {
      identity,
      gate: membership.gate,
      timers,
      log: log.child({ room: "piece-channel" }),
      observe: channelBooks(books, metrics),
      ...(downloadLimit === undefined ? {} : { downloadLimit }),
    },
  );
}

function helloOf(config: Config, identity: Identity, pieces: string): ConstructorParameters<typeof GrpcSchedulerLink>[0]["hello"] {
  const port = parseListen(pieces)?.port ?? 0;
  // An empty host lets the scheduler fill in the address it sees this host at.
  const address = formatAddress({ host: config.advertise ?? "", port });
  const { name, seed, labels, zone = "" } = config;
  return { host: identity.host, address, zone, seed, version: VERSION, name, platform: hostPlatform(process), labels };
}
