import type { Digest, HostId } from "@darner/domain";
import type { NodeSetupReport } from "./node-board.ts";
import type { SchedulerRow } from "./scheduler-link/scheduler-link.ts";
import type { WrongBytesRow } from "./wrong-bytes.ts";

/** Where a daemon's doors really are, as `host:port`. */
export type DaemonAddresses = {
  readonly mirror: string;
  readonly pieces: string;
  readonly p2p: string;
  readonly admin: string;
  readonly metrics: string;
};

/** What a daemon says of itself: to the command line on its own host, and to members that ask it peer to peer. Bytes are plain numbers. */
export type DaemonStatus = {
  readonly host: HostId;
  readonly name: string;
  readonly version: string;
  readonly zone: string;
  readonly seed: boolean;
  readonly upSeconds: number;
  readonly addresses: DaemonAddresses;
  /** The scheduler the session stands with; null where there is none now. */
  readonly scheduler: string | null;
  /** Since how long it is followed. */
  readonly schedulerSeconds: number;
  /** Each scheduler of the configuration, as it stands with this host. */
  readonly schedulerSessions: readonly SchedulerRow[];
  readonly schedulers: readonly string[];
  readonly store: { readonly bytes: number; readonly blobs: number; readonly maxBytes: number };
  /** Verified bytes by where they came from since the daemon started. */
  readonly bytes: { readonly source: number; readonly parent: number; readonly disk: number; readonly uploaded: number };
  /** Blobs on their way. */
  readonly peers: readonly { readonly digest: Digest; readonly bytes: number; readonly pieces: number; readonly held: number }[];
  /** What the node set-up of this node said last; null where none runs. */
  readonly nodeSetup: NodeSetupReport | null;
  /** The latest cases of wrong bytes: who sent them, which blob, how often. */
  readonly wrongBytes: readonly WrongBytesRow[];
  /** Hosts that were asked for, or led to, and refused; `add` is the line of the configuration that would allow it. */
  readonly refusedRegistries: readonly { readonly registry: string; readonly reason: string; readonly add?: string }[];
};
