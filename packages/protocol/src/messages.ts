import type { PublicFact } from "./public-fact.ts";
import type { HostId, PieceHash, PieceRun, PieceSet, Priority, SourceAccess, Task } from "@darner/domain";

/** The first words of a daemon. */
export type Hello = {
  readonly host: HostId;
  /** `host:port` of the piece channel, as other hosts reach it. */
  readonly address: string;
  readonly zone: string;
  readonly seed: boolean;
  readonly version: string;
  readonly name: string;
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
  | {
      readonly type: "open";
      readonly registry: string;
      readonly access: SourceAccess;
      readonly sequential: boolean;
      readonly priority: Priority;
      readonly have: PieceSet;
    }
  | { readonly type: "close" }
  | { readonly type: "need"; readonly run: PieceRun }
  | { readonly type: "verified"; readonly pieces: readonly PieceRun[]; readonly hashes: readonly PieceHash[] }
  | {
      readonly type: "grant-failed";
      readonly grant: number;
      readonly code: GrantFailureCode;
      readonly piece: number;
      readonly retryAfterMs: number;
    }
  | { readonly type: "proven" }
  | { readonly type: "proof-failed" }
  | { readonly type: "table"; readonly hashes: readonly PieceHash[] };

export type TaskReport = { readonly task: Task; readonly report: HostReport };

/** One message of a daemon to its scheduler. */
export type HostMessage = {
  readonly hello?: Hello;
  readonly holdings: readonly Holding[];
  readonly reports: readonly TaskReport[];
  readonly dropped: readonly Task[];
  readonly publicFacts?: readonly PublicFact[];
  readonly ping: boolean;
};

/** What a scheduler orders for one task. */
export type SchedulerOrder =
  | { readonly type: "grant-pieces"; readonly grant: number; readonly parent: HostId; readonly address: string; readonly run: PieceRun }
  | { readonly type: "grant-stripe"; readonly grant: number; readonly run: PieceRun }
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
  readonly welcome?: { readonly scheduler: string; readonly version: string };
  readonly orders: readonly TaskOrder[];
  readonly publicFacts?: readonly PublicFact[];
  readonly ping: boolean;
};
