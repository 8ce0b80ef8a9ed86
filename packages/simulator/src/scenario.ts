import type { SourceAccess } from "@darner/domain";

/** What goes wrong, when (milliseconds of virtual time), and for whom (host numbers). */
export type Fault =
  /** The host's process dies and stays dead. */
  | { readonly type: "host-killed"; readonly atMs: number; readonly host: number }
  /** The scheduler dies; a new one that knows nothing answers `downMs` later. */
  | { readonly type: "scheduler-restarted"; readonly atMs: number; readonly downMs: number }
  /** Whatever the host sends in this time has one byte wrong. */
  | { readonly type: "host-lies"; readonly atMs: number; readonly forMs: number; readonly host: number }
  /** The host's source reads give no more bytes, and no error either. */
  | { readonly type: "source-stalls"; readonly atMs: number; readonly forMs: number; readonly host: number }
  /** The registry answers 429 with this Retry-After. */
  | { readonly type: "source-limits"; readonly atMs: number; readonly forMs: number; readonly retryAfterMs: number }
  /** The registry refuses this host's credential from now on. */
  | { readonly type: "source-refuses"; readonly atMs: number; readonly host: number }
  /** The registry's bytes of one piece are wrong in this time, the same for everybody. */
  | { readonly type: "source-lies"; readonly atMs: number; readonly forMs: number; readonly piece: number };

/** One run of the simulator, as plain data. */
export type Scenario = {
  readonly name: string;
  /** Sizes of the blobs that every host pulls at once. */
  readonly blobBytes: readonly number[];
  readonly hosts: number;
  /** Rates of every host's link, each way. */
  readonly upBytesPerSecond: number;
  readonly downBytesPerSecond: number;
  /** One way, between any two. */
  readonly latencyMs: number;
  readonly source: {
    readonly bytesPerSecond: number;
    /** 0: no limit. */
    readonly bytesPerSecondPerConnection: number;
    /** Whether it answers a Range with the range. */
    readonly ranges: boolean;
    /** How long every request waits for the first byte of its answer, besides the latency; none where it is left out. */
    readonly firstByteMs?: number;
  };
  /** Host `index` begins to pull at the `index`-th instant; those beyond the list at once. */
  readonly joinsAtMs: readonly number[];
  /** Hosts (by number, the first ones) that hold the blobs, proven, before anything happens. */
  readonly holders: number;
  /** How the hosts may read the source; beyond the list: `caller`. */
  readonly access: readonly SourceAccess[];
  /** Whether there is a scheduler at all. */
  readonly scheduler: boolean;
  readonly faults: readonly Fault[];
  /** Whatever does not end in this much virtual time hangs. */
  readonly endMs: number;
};
