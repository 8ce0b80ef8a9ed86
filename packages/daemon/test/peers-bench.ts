import { DEFAULT_LIMITS, type PeerLimits } from "@darner/peer-core";
import { openRegistryClient, type RegistryClient } from "@darner/registry-client";
import { createRegistry, type Registry } from "@darner/runtime";
import {
  capturedLog,
  openScriptedRegistry,
  openTempDir,
  StoppedClock,
  type AccessPlan,
  type CapturedLog,
  type ScriptedRegistry,
} from "@darner/testkit";
import { Books } from "../src/books.ts";
import { createDaemonMetrics, type DaemonMetrics } from "../src/metrics.ts";
import { PeerTable } from "../src/peers/peer-table.ts";
import { ReadBuffers } from "../src/peers/read-buffers.ts";
import { MemoryPieceChannel } from "../src/piece-channel/memory-piece-channel.ts";
import { RecordBook } from "../src/record/record-book.ts";
import { openDiskStore } from "../src/store/disk-store.ts";
import { inlineProver } from "../src/store/inline-prover.ts";
import type { Prover } from "../src/store/prover.ts";
import { FirstUse } from "../src/store/rot/first-use.ts";
import type { BlobStore } from "../src/store/store.ts";
import { RecordedLink } from "./recorded-link.ts";

/** What the peers of a bench are to be like. */
export type PeersPlan = {
  readonly access?: AccessPlan;
  readonly maxManifestBytes?: number;
  readonly storeBytes?: number;
  readonly limits?: Partial<PeerLimits>;
  readonly verify?: "prompt" | "strict";
  /** Stands before the real prover. */
  readonly prover?: (real: Prover) => Prover;
  /** Stands before the real store. */
  readonly store?: (real: BlobStore) => BlobStore;
};

/** The peers of one host with a scripted registry, other hosts in memory and a clock that stands still. */
export type PeersBench = AsyncDisposable & {
  readonly registry: ScriptedRegistry;
  readonly client: RegistryClient;
  /** Where registries are: the first one has a second name. */
  readonly registries: Readonly<Record<string, { readonly plainHttp: boolean; readonly endpoint?: string }>>;
  readonly clock: StoppedClock;
  readonly log: CapturedLog;
  readonly metrics: Registry;
  readonly daemonMetrics: DaemonMetrics;
  readonly books: Books;
  /** Digests of blobs that were wrong after bytes of them were given. */
  readonly poisoned: string[];
  readonly records: RecordBook;
  readonly buffers: ReadBuffers;
  readonly store: BlobStore;
  readonly peers: PeerTable;
  readonly channel: MemoryPieceChannel;
  readonly link: RecordedLink;
};

export const MAX_MANIFEST_BYTES = 1024 * 1024;
const STORE_BYTES = 256 * 1024 * 1024;

/** Opens a bench; `others` are further registries it may ask. */
export async function openPeersBench(plan: PeersPlan = {}, others: readonly ScriptedRegistry[] = []): Promise<PeersBench> {
  await using births = new AsyncDisposableStack();
  const registry = births.use(await openScriptedRegistry(plan.access === undefined ? {} : { access: plan.access }));
  const [clock, log, channel, link, metrics] = [
    new StoppedClock(),
    capturedLog(),
    new MemoryPieceChannel(),
    new RecordedLink(),
    createRegistry(),
  ];
  const listed = Object.fromEntries([registry, ...others].map(({ host }) => [host, { plainHttp: true }]));
  const registries = { ...listed, [registry.secondHost]: { plainHttp: true, endpoint: registry.host } };
  const client = openRegistryClient({ registries, maxManifestBytes: plan.maxManifestBytes ?? MAX_MANIFEST_BYTES }, { log });
  births.defer(() => client.close());
  const dir = births.use(await openTempDir());
  const disk = births.use(await openDiskStore({ dir: dir.path, maxBytes: plan.storeBytes ?? STORE_BYTES, minFreeBytes: 0 }, { log }));
  const store = plan.store?.(disk) ?? disk;
  const daemonMetrics = createDaemonMetrics(metrics, () => store.usage);
  const [books, buffers] = [new Books(daemonMetrics), new ReadBuffers()];
  const records = new RecordBook(clock, () => new Date(0));
  const poisoned: string[] = [];
  const parts = {
    poisoned: (digest: string): void => void poisoned.push(digest),
    timers: clock,
    log,
    metrics: daemonMetrics,
    books,
    records,
    store,
    buffers,
    link: () => link,
  };
  const peers = openTable(births, plan, { ...parts, client, channel });
  const lives = births.move();
  return {
    registry,
    client,
    registries,
    clock,
    log,
    metrics,
    daemonMetrics,
    books,
    poisoned,
    records,
    buffers,
    store,
    peers,
    channel,
    link,
    [Symbol.asyncDispose]: () => lives.disposeAsync(),
  };
}

type TableParts = Pick<
  ConstructorParameters<typeof PeerTable>[0],
  "timers" | "log" | "metrics" | "books" | "poisoned" | "records" | "store" | "buffers" | "link"
> & {
  readonly client: RegistryClient;
  readonly channel: MemoryPieceChannel;
};

function openTable(births: AsyncDisposableStack, plan: PeersPlan, { client, channel, ...parts }: TableParts): PeerTable {
  const prover = births.use(inlineProver());
  const completions = new Set<Promise<void>>();
  births.defer(async () => {
    await Promise.all(completions);
  });
  const onSourceBytes: ConstructorParameters<typeof PeerTable>[0]["transfers"]["onSourceBytes"] = (bytes, cause) => {
    parts.metrics.sourceBytes.inc({ cause }, bytes);
  };
  const peers = new PeerTable({
    ...parts,
    limits: { ...DEFAULT_LIMITS, ...plan.limits },
    verify: plan.verify ?? "prompt",
    random: () => 0.5,
    prover: plan.prover?.(prover) ?? prover,
    firstUse: births.use(new FirstUse({ store: parts.store, prover, log: parts.log, onRotten: () => undefined })),
    transfers: { fetcher: births.use(channel.openFetcher()), registry: client, onSourceBytes, takeDownload: undefined },
    completing: (completion) => completions.add(completion),
  });
  births.defer(() => {
    peers.close();
  });
  return peers;
}
