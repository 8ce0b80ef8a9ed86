import type { PublicFact } from "./public-fact.ts";
import type { WarmOrder, WarmReport } from "./warm-message.ts";
import type { HostId, HostStanding, PieceHash, PieceRun, PieceSet, ReportOfTask, SwarmStanding, Task } from "@darner/domain";
import type { Secret } from "@darner/runtime";

/** The first words of a daemon. */
export type Hello = {
  readonly host: HostId;
  /** `host:port` of the piece channel, as other hosts reach it. */
  readonly address: string;
  readonly zone: string;
  readonly seed: boolean;
  readonly version: string;
  readonly name: string;
  /** `os/arch[/variant]`. */
  readonly platform?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Where the scheduler lets members in only. */
  readonly join?: Join;
};

/** What shows that a host is, or may become, a member. */
export type Join = {
  /** The scheduler's challenge, signed with the host's key. */
  readonly proof: Uint8Array;
  /** The signed admission it has kept. */
  readonly admission?: Uint8Array;
  /** What may get it an admission. */
  readonly credential?: JoinCredential;
  /** The signed heads of the lists of members it has, one from each scheduler it heard of them. */
  readonly listHeads: readonly Uint8Array[];
  /** Which denials it has. */
  readonly denialsDigest: Uint8Array;
};

/** A join token, or the token of a service account in Kubernetes. */
export type JoinCredential =
  { readonly type: "token"; readonly id: string; readonly secret: Secret } | { readonly type: "account"; readonly token: Secret };

/** What has changed among the members; denials are signed each by itself. */
export type MembershipNews = { readonly list?: WireListChange; readonly denials: readonly Uint8Array[] };

/** A change of the list of members: `head` is signed, and about the list as it is after the change. */
export type WireListChange = {
  readonly head: Uint8Array;
  /** The list is `added`, whatever it was before. */
  readonly full: boolean;
  readonly added: readonly HostId[];
  readonly removed: readonly HostId[];
};

/** The first words of a scheduler to a daemon it lets in. */
export type Welcome = {
  readonly scheduler: string;
  readonly version: string;
  /** The rest where only members are let in. */
  readonly membership?: { readonly admission: Uint8Array; readonly denialsDigest: Uint8Array };
};

/** What a host holds of a blob. */
export type Holding = { readonly task: Task; readonly proven: boolean; readonly have: PieceSet; readonly registry: string };

/** Why a grant was not delivered, as it goes on the wire. */
export type GrantFailureCode =
  | "channel-lost"
  | "parent-silent"
  | "parent-refused"
  | "piece-refused"
  | "disk-refused"
  | "source-unavailable"
  | "source-refused"
  | "source-limited"
  | "source-without-range";

/** What a host reports of one task. */
export type HostReport =
  | ReportOfTask<{ readonly code: GrantFailureCode; readonly piece: number; readonly retryAfterMs: number }>
  | { readonly type: "table"; readonly hashes: readonly PieceHash[] };

export type TaskReport = { readonly task: Task; readonly report: HostReport };

/** One message of a daemon to its scheduler. */
export type HostMessage = {
  readonly hello?: Hello;
  readonly holdings: readonly Holding[];
  readonly reports: readonly TaskReport[];
  readonly dropped: readonly Task[];
  readonly publicFacts?: readonly PublicFact[];
  /** Signed denials that the scheduler does not have. */
  readonly denials: readonly Uint8Array[];
  readonly warmed?: readonly WarmReport[];
  readonly standing?: HostStanding;
  readonly ping: boolean;
};

/** What a scheduler orders for one task. */
export type SchedulerOrder =
  | { readonly type: "grant-pieces"; readonly grant: number; readonly parent: HostId; readonly address: string; readonly run: PieceRun }
  | { readonly type: "grant-stripe"; readonly grant: number; readonly run: PieceRun; readonly connections: number }
  | { readonly type: "revoke-grant"; readonly grant: number }
  | { readonly type: "table"; readonly hashes: readonly PieceHash[] }
  | { readonly type: "ask-table" }
  | { readonly type: "standing"; readonly standing: "fed" | "starved" | "limited" | "struck"; readonly retryAfterMs: number }
  /** This host, or what it said a registry had sent it, was found to be wrong; `blocked`: nothing is taken from it for a while. */
  | { readonly type: "fault"; readonly fault: string; readonly registry: string; readonly blocked: boolean }
  | { readonly type: "restart" };

export type TaskOrder = { readonly task: Task; readonly order: SchedulerOrder };

/** One message of a scheduler to a daemon. */
export type SchedulerMessage = {
  /** To be signed; before everything else where only members are let in. */
  readonly challenge?: Uint8Array;
  readonly welcome?: Welcome;
  readonly orders: readonly TaskOrder[];
  readonly publicFacts?: readonly PublicFact[];
  readonly membership?: MembershipNews;
  readonly warm?: readonly WarmOrder[];
  /** Jobs that this host need not go on for. */
  readonly released?: readonly number[];
  readonly standing?: SwarmStanding;
  readonly ping: boolean;
};
