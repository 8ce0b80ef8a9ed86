import { NODE_SETUP_STATES, PROBE_OUTCOMES, type NodeSetupReport } from "./node-board.ts";
import { createCounter, createGauge, createHistogram, Gauge, type Counter, type Histogram, type Registry } from "@darner/runtime";

/** What a daemon counts. */
export type DaemonMetrics = {
  readonly bytes: Counter<"from">;
  readonly sourceBytes: Counter<"cause">;
  readonly sourceRequests: Counter<"registry" | "status">;
  readonly uploadBytes: Counter;
  readonly piecesVerified: Counter<"from">;
  readonly piecesRefused: Counter<"from">;
  readonly proofs: Counter<"outcome">;
  readonly wrongBytes: Counter<"what">;
  readonly ingestsAborted: Counter;
  readonly accessChecks: Counter<"outcome">;
  readonly firstByteSeconds: Histogram<"from">;
  readonly blobSeconds: Histogram;
  readonly peers: Gauge;
  readonly schedulerLive: Gauge;
  readonly schedulerRefusals: Counter<"reason">;
  readonly schedulerMoves: Counter<"reason">;
  readonly channelConnections: Gauge<"side">;
  readonly channelRefusals: Counter<"side" | "reason">;
  readonly channelRequestsRefused: Counter<"reason">;
  readonly unwantedBytes: Counter;
};

/** What the store holds, asked when somebody asks for the metrics. */
export type StoreUsage = { readonly bytes: number; readonly blobs: number };

const NOTHING: StoreUsage = { bytes: 0, blobs: 0 };

/** Makes the daemon's metrics in a registry. */
export function createDaemonMetrics(
  registry: Registry,
  usage: () => StoreUsage = () => NOTHING,
  setup: () => NodeSetupReport | undefined = () => undefined,
): DaemonMetrics {
  storeGauge(registry, "bytes", "Bytes in the store.", usage);
  storeGauge(registry, "blobs", "Blobs in the store.", usage);
  setupGauge(registry, "state", "1 for how node set-up stands with this node's runtime; nowhere 1 where none runs.", setup);
  setupGauge(registry, "probe", "1 for what became of node set-up's last probe pull; nowhere 1 where none runs.", setup);
  return {
    bytes: createCounter(registry, "darner_daemon_blob_bytes_total", "Verified bytes of blobs, by where they came from.", ["from"]),
    sourceBytes: createCounter(registry, "darner_daemon_source_bytes_total", "Body bytes read from registries, by why they were read.", [
      "cause",
    ]),
    sourceRequests: createCounter(
      registry,
      "darner_daemon_source_requests_total",
      "Requests to registries, by registry (those of the configuration, docker.io, other) and status (or error).",
      ["registry", "status"],
    ),
    uploadBytes: createCounter(registry, "darner_daemon_upload_bytes_total", "Piece bytes sent to other hosts."),
    piecesVerified: createCounter(registry, "darner_daemon_pieces_verified_total", "Pieces verified, by where they came from.", ["from"]),
    piecesRefused: createCounter(
      registry,
      "darner_daemon_pieces_refused_total",
      "Pieces whose bytes were wrong, by where they came from.",
      ["from"],
    ),
    proofs: createCounter(registry, "darner_daemon_proofs_total", "Digests of whole blobs checked on this host, by outcome.", ["outcome"]),
    accessChecks: createCounter(
      registry,
      "darner_daemon_access_checks_total",
      "Checks whether a caller may have what it asks for, by outcome.",
      ["outcome"],
    ),
    firstByteSeconds: createHistogram(
      registry,
      "darner_daemon_first_byte_seconds",
      "From the request for a blob to its first byte at hand.",
      ["from"],
    ),
    blobSeconds: createHistogram(registry, "darner_daemon_blob_seconds", "From the first request for a cold blob to its proof."),
    peers: createGauge(registry, "darner_daemon_peers", "Blobs on their way to this host."),
    schedulerRefusals: createCounter(
      registry,
      "darner_daemon_scheduler_refusals_total",
      "Schedulers that did not let this host in, or were not of its cluster, by reason.",
      ["reason"],
    ),
    schedulerLive: createGauge(registry, "darner_daemon_scheduler_live", "1 while this host follows a scheduler."),
    schedulerMoves: createCounter(
      registry,
      "darner_daemon_scheduler_moves_total",
      "How often this host followed another scheduler than before, by why.",
      ["reason"],
    ),
    ...createWrongnessMetrics(registry),
    ...createChannelMetrics(registry),
  };
}

/** What was found to be wrong, and what was done about it. */
function createWrongnessMetrics(registry: Registry): Pick<DaemonMetrics, "wrongBytes" | "ingestsAborted"> {
  return {
    wrongBytes: createCounter(
      registry,
      "darner_daemon_wrong_bytes_total",
      "Cases of wrong bytes found on this host, by what they were; darner status names who sent them.",
      ["what"],
    ),
    ingestsAborted: createCounter(
      registry,
      "darner_daemon_ingests_aborted_total",
      "Half-written blobs with wrong bytes that were aborted in containerd's content store.",
    ),
  };
}

/** What happens on the piece channel. */
function createChannelMetrics(
  registry: Registry,
): Pick<DaemonMetrics, "channelConnections" | "channelRefusals" | "channelRequestsRefused" | "unwantedBytes"> {
  const name = (of: string): string => `darner_daemon_${of}`;
  const connections = "Connections to other hosts on the piece channel, by this host's side.";
  const refusals = "Piece channel connections turned away or ended by this host, by why.";
  const requests = "Requests of other hosts for pieces that this host turned down, by why.";
  return {
    channelConnections: createGauge(registry, name("channel_connections"), connections, ["side"]),
    channelRefusals: createCounter(registry, name("channel_refusals_total"), refusals, ["side", "reason"]),
    channelRequestsRefused: createCounter(registry, name("channel_requests_refused_total"), requests, ["reason"]),
    unwantedBytes: createCounter(registry, name("unwanted_bytes_total"), "Piece bytes that came from other hosts and were here already."),
  };
}

function setupGauge(registry: Registry, of: "state" | "probe", help: string, setup: () => NodeSetupReport | undefined): void {
  const values = of === "state" ? NODE_SETUP_STATES : PROBE_OUTCOMES;
  const collect = function (this: Gauge<typeof of>): void {
    for (const value of values) this.set({ [of]: value }, setup()?.[of] === value ? 1 : 0);
  };
  new Gauge({ name: `darner_daemon_node_setup_${of}`, help, labelNames: [of], collect, registers: [registry] });
}

function storeGauge(registry: Registry, of: keyof StoreUsage, help: string, usage: () => StoreUsage): void {
  const collect = function (this: Gauge): void {
    this.set(usage()[of]);
  };
  new Gauge({ name: `darner_daemon_store_${of}`, help, collect, registers: [registry] });
}
