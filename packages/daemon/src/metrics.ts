import { createCounter, createGauge, createHistogram, type Counter, type Gauge, type Histogram, type Registry } from "@darner/runtime";

/** What a daemon counts. */
export type DaemonMetrics = {
  readonly bytes: Counter<"from">;
  readonly sourceBytes: Counter<"cause">;
  readonly sourceRequests: Counter<"status">;
  readonly uploadBytes: Counter;
  readonly piecesVerified: Counter<"from">;
  readonly piecesRefused: Counter<"from">;
  readonly proofs: Counter<"outcome">;
  readonly accessChecks: Counter<"outcome">;
  readonly firstByteSeconds: Histogram<"from">;
  readonly blobSeconds: Histogram;
  readonly peers: Gauge;
  readonly schedulerLive: Gauge;
  readonly storeBytes: Gauge;
  readonly storeBlobs: Gauge;
};

/** Makes the daemon's metrics in a registry. */
export function createDaemonMetrics(registry: Registry): DaemonMetrics {
  return {
    bytes: createCounter(registry, "darner_daemon_blob_bytes_total", "Verified bytes of blobs, by where they came from.", ["from"]),
    sourceBytes: createCounter(registry, "darner_daemon_source_bytes_total", "Body bytes read from registries, by why they were read.", ["cause"]),
    sourceRequests: createCounter(registry, "darner_daemon_source_requests_total", "Requests to registries, by status (or error).", ["status"]),
    uploadBytes: createCounter(registry, "darner_daemon_upload_bytes_total", "Piece bytes sent to other hosts."),
    piecesVerified: createCounter(registry, "darner_daemon_pieces_verified_total", "Pieces verified, by where they came from.", ["from"]),
    piecesRefused: createCounter(registry, "darner_daemon_pieces_refused_total", "Pieces whose bytes were wrong, by where they came from.", ["from"]),
    proofs: createCounter(registry, "darner_daemon_proofs_total", "Digests of whole blobs checked on this host, by outcome.", ["outcome"]),
    accessChecks: createCounter(registry, "darner_daemon_access_checks_total", "Checks whether a caller may have what it asks for, by outcome.", ["outcome"]),
    firstByteSeconds: createHistogram(registry, "darner_daemon_first_byte_seconds", "From the request for a blob to its first byte at hand.", ["from"]),
    blobSeconds: createHistogram(registry, "darner_daemon_blob_seconds", "From the first request for a cold blob to its proof."),
    peers: createGauge(registry, "darner_daemon_peers", "Blobs on their way to this host."),
    schedulerLive: createGauge(registry, "darner_daemon_scheduler_live", "1 while a session with a scheduler stands."),
    storeBytes: createGauge(registry, "darner_daemon_store_bytes", "Bytes in the store."),
    storeBlobs: createGauge(registry, "darner_daemon_store_blobs", "Blobs in the store."),
  };
}
