import type { LogLevel } from "../open-log.ts";

/** Where each door listens, as `host:port` (`[host]:port` for IPv6); port 0 lets the system choose. */
export type ListenConfig = {
  readonly mirror: string;
  readonly pieces: string;
  readonly p2p: string;
  readonly admin: string;
  readonly metrics: string;
  readonly grpc: string;
  readonly http: string;
};

/** What is known of one registry; the name it stands under is thereby allowed to resolve to private addresses. */
export type RegistryConfig = {
  readonly plainHttp: boolean;
  readonly caFile?: string;
  /** `host[:port]` to dial in place of the name. */
  readonly endpoint?: string;
  readonly credentials?: { readonly username: string; readonly passwordFile: string };
  /** Further hosts that may be token realms of this registry. */
  readonly realms: readonly string[];
};

/** A list of images that is preheated by the clock. */
export type ScheduleConfig = {
  /** Five or six fields, as cron takes them. */
  readonly cron: string;
  /** An IANA name, as in Europe/Berlin; absent: UTC. */
  readonly timezone?: string;
  readonly images: readonly string[];
  readonly scope: "single_seed_peer" | "all_seed_peers" | "all_peers";
};

/** Where Darner's own credentials are beside `registries`; those under `registries` go before. */
export type CredentialsConfig = {
  readonly files: readonly string[];
  readonly directories: readonly string[];
  /** Names of the variables that credential helpers see beside PATH and HOME. */
  readonly helperEnvironment: readonly string[];
};

/** How a host shows that it may be a member, and how a scheduler judges that. */
export type JoinConfig = {
  /** The daemon's. */
  readonly tokenFile?: string;
  /** The daemon's, where a service account stands in for the token. */
  readonly fingerprint?: string;
  readonly insecure: boolean;
  readonly insecureForEverybodyWhoReachesThisHost: boolean;
  /** The scheduler's. */
  readonly signingKeyFile?: string;
  /** The scheduler's. */
  readonly tokensFile?: string;
  readonly kubernetes: {
    /** The daemon's. */
    readonly tokenFile?: string;
    /** The scheduler's, as the rest; empty: no service account may join. */
    readonly serviceAccounts: readonly string[];
    readonly apiServer: string;
    readonly caFile: string;
    readonly audience: string;
    readonly reviewerTokenFile: string;
    /** `namespace/name` of the Secret that the schedulers share. */
    readonly secret?: string;
    /** `namespace/name` of the ConfigMap that they write the fingerprint to. */
    readonly configMap?: string;
  };
};

/**
 * The configuration of both processes, read once at the door and frozen. Bytes are numbers of bytes, times are seconds;
 * what each key does stands in `docs/config.md`, which is made from the schema that checks this type.
 */
export type Config = {
  readonly dataDir: string;
  readonly name: string;
  readonly listen: ListenConfig;
  readonly schedulers: readonly string[];
  readonly advertise?: string;
  readonly seed: boolean;
  readonly zone?: string;
  /** Read at the start, where `zone` is not set. */
  readonly zoneFile?: string;
  /** What preheat jobs may choose hosts by. */
  readonly labels: Readonly<Record<string, string>>;
  readonly join: JoinConfig;
  readonly registries: Readonly<Record<string, RegistryConfig>>;
  readonly credentials: CredentialsConfig;
  readonly mirror: {
    /** Empty: none. */
    readonly defaultRegistry: string;
    readonly allow: readonly string[];
    readonly deny: readonly string[];
    readonly tagTtlSeconds: number;
    readonly maxManifestBytes: number;
    readonly maxConnections: number;
    readonly maxConnectionsPerClient: number;
    /** Zero: unlimited. */
    readonly maxRequestsPerSecondPerClient: number;
    readonly verify: "prompt" | "strict";
  };
  readonly access: {
    readonly mode: "upstream" | "open";
    readonly grantSeconds: number;
    readonly publicSeconds: number;
    readonly graceSeconds: number;
  };
  readonly store: { readonly maxBytes: number; readonly minFreeBytes: number; readonly scrubBytesPerSecond: number };
  readonly limits: {
    /** Zero: unlimited. */
    readonly uploadBytesPerSecond: number;
    /** Zero: unlimited. */
    readonly downloadBytesPerSecond: number;
    readonly uploadConnections: number;
  };
  /** The containerd whose poisoned ingests are aborted; without an address none are. */
  readonly containerd: { readonly address?: string; readonly namespaces: readonly string[] };
  readonly pieces: { readonly encryption: "tls" | "none" };
  readonly api: {
    readonly tokenFile?: string;
    /** Absent: nobody is let in with a name and a password. */
    readonly basicFile?: string;
    /** Before every path but those of the probes; empty or `/segment…`. */
    readonly prefix: string;
    /** Absent: plain HTTP. */
    readonly tls?: { readonly certFile: string; readonly keyFile: string };
    readonly notificationScope: "single_seed_peer" | "all_seed_peers" | "all_peers";
  };
  /** What a scheduler was told and decided, written down; without a file it is not. */
  readonly journal: { readonly file?: string; readonly maxBytes: number };
  readonly preheat: {
    /** Images that are preheated again and again, each list by its own clock. */
    readonly schedules: readonly ScheduleConfig[];
  };
  readonly source: {
    readonly maxReadersPerBlob: number;
    readonly maxConnectionsPerRegistry: number;
    readonly maxRequestsPerMinute: number;
    readonly stripeSeconds: number;
  };
  readonly jobs: {
    /** Which of several schedulers this is, 0 to 15; absent: as the number at the end of its name says, else 0. */
    readonly ordinal?: number;
    readonly keepSeconds: number;
  };
  readonly log: { readonly level: LogLevel };
  /** Zero: off. */
  readonly watchdog: { readonly seconds: number };
};

/** Configuration as it is written, before it is checked: nothing is known of its shape. */
export type RawConfig = Readonly<Record<string, unknown>>;
