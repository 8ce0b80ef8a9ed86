/** What the mirror is told at the door; times are injected so that tests need not wait. */
export type MirrorConfig = {
  /** The registry of a request that names none; undefined: such a request is answered 404. */
  readonly defaultRegistry: string | undefined;
  /** Whether this registry (`docker.io`, `harbor.corp:5000`) is mirrored at all. */
  readonly allow: (registry: string) => boolean;
  /** Names the operator wrote under `registries:`; only these may be an IP address, `localhost` or a cluster-internal name. */
  readonly registries: readonly string[];
  /** `host:port` names under which clients reach this very mirror: a request for one of them is a loop. */
  readonly ownAddresses: readonly string[];
  /** Ranges answered in one response; a request for more gets the whole blob. */
  readonly maxRanges?: number;
  /** Open client connections; one more is closed as soon as it is accepted. */
  readonly maxConnections?: number;
  /** Of these, connections of one client address (of IPv6: of one network of 64 bits). */
  readonly maxConnectionsPerClient?: number;
  /** Requests of one client address a second, saved up for ten seconds; one more is answered 503. 0: no limit. */
  readonly maxRequestsPerSecondPerClient?: number;
  /** Whether loopback, where all runtimes of the node come from, counts as one client address, too. */
  readonly countsLoopback?: boolean;
  /** A request without a first byte after this long is answered 503. */
  readonly firstByteTimeoutMs?: number;
  /** A body whose backend gives no byte for this long is ended short. */
  readonly stallTimeoutMs?: number;
  /** A connection on which nothing moves for this long in the middle of a response is ended. */
  readonly idleTimeoutMs?: number;
  /** How long an idle connection is kept for the next request. */
  readonly keepAliveTimeoutMs?: number;
  /** How long a client may take to send the head of a request. */
  readonly headersTimeoutMs?: number;
  /** How long input is read and discarded after the last byte of a connection was sent. */
  readonly lingerMs?: number;
};

/** A config with every default filled in. */
export type FilledMirrorConfig = Required<MirrorConfig>;

/** The defaults, each with its reason. */
export const MIRROR_DEFAULTS: Omit<FilledMirrorConfig, "defaultRegistry" | "allow" | "registries" | "ownAddresses"> = {
  // podman asks for up to 1024 ranges of a zstd:chunked layer at once.
  maxRanges: 1024,
  // containerd keeps 10 connections a host and pulls several images at once; 1024 leaves room for many clients and bounds memory.
  maxConnections: 1024,
  // A quarter of the mirror: many times what one containerd opens, and three more such clients find room.
  maxConnectionsPerClient: 256,
  // An image of 100 layers in 10 ranges each is 1000 requests at once; saved up for ten seconds this lets five of them pass at once.
  maxRequestsPerSecondPerClient: 500,
  countsLoopback: false,
  // containerd gives up on a mirror at 30 s, so a 503 has to leave before that.
  firstByteTimeoutMs: 25_000,
  // containerd cancels a pull after 5 min without a byte; proving a very large blob may hold its last byte back for minutes.
  stallTimeoutMs: 240_000,
  // Clients stop reading for minutes while they unpack; a kernel send buffer of 2.5 MB read at 5 KB/s empties within this time.
  idleTimeoutMs: 600_000,
  // Go clients reuse a connection for up to 90 s; closing earlier races with their next request.
  keepAliveTimeoutMs: 100_000,
  // Above the keep-alive time.
  headersTimeoutMs: 110_000,
  // A client that has seen the FIN closes at once; one that has not within this time is gone.
  lingerMs: 5_000,
};

/** Fills in the defaults. */
export function fillMirrorConfig(config: MirrorConfig): FilledMirrorConfig {
  return { ...MIRROR_DEFAULTS, ...config };
}
