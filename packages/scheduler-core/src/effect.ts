import type { HostId, PieceHash, PieceRun, Task } from "@darner/domain";
import type { GrantId } from "./grant.ts";

/** What a scheduler wants done. Effects for one host are delivered in order; the body may put several into one message. */
export type SchedulerEffect =
  /** Let `host` take these pieces from `parent`, also those the parent does not have yet. Stands until delivered, failed or revoked. */
  | {
      readonly type: "grant-pieces";
      readonly host: HostId;
      readonly task: Task;
      readonly grant: GrantId;
      readonly parent: HostId;
      readonly address: string;
      readonly run: PieceRun;
    }
  /** Let `host` read these pieces, one contiguous run, from its source, and `connections` such stripes at once. */
  | {
      readonly type: "grant-stripe";
      readonly host: HostId;
      readonly task: Task;
      readonly grant: GrantId;
      readonly run: PieceRun;
      readonly connections: number;
    }
  /** Take a grant back: what is not verified yet will come another way. */
  | { readonly type: "revoke-grant"; readonly host: HostId; readonly task: Task; readonly grant: GrantId }
  /** Tell a host lines of the piece table it is to check against. */
  | { readonly type: "send-table"; readonly host: HostId; readonly task: Task; readonly hashes: readonly PieceHash[] }
  /** Ask a holder for the piece table it has of a blob; it answers `table-told`. */
  | { readonly type: "ask-table"; readonly host: HostId; readonly task: Task }
  /** Tell a peer how it stands. `fed`: pieces will come, or a source read is in progress; said again to who waits long while they are on their way. `starved`: nobody can give what is missing now. `limited`: only the source could, and it is not to be asked before `retryAfterMs`. `struck`: the registry sends wrong bytes of this blob, and nobody else has it. */
  | {
      readonly type: "tell-standing";
      readonly host: HostId;
      readonly task: Task;
      readonly standing: "fed" | "starved" | "limited" | "struck";
      readonly retryAfterMs: number;
    }
  /** The table of this peer's registry was wrong: drop every unproven piece and begin again. */
  | { readonly type: "restart-peer"; readonly host: HostId; readonly task: Task }
  /** Tell people whose word was wrong: `host`, where `registry` is absent; else what it said that registry had sent. `blocked`: nothing is taken from it for a while. */
  | {
      readonly type: "name-fault";
      readonly host: HostId;
      readonly task: Task;
      readonly fault: Fault;
      readonly registry: string;
      readonly blocked: boolean;
    };

/** What a host, or a registry, was found to have done. */
export type Fault =
  /** Two hosts say different things of one piece of the source; neither is heard on this blob any more. */
  | "contradiction"
  /** What it said of the source differs from what another host proved. */
  | "wrong-table"
  /** It said that it had proven bytes that do not have the digest. */
  | "false-proof"
  /** It said that bytes do not have the digest that others proved with the same table. */
  | "false-alarm"
  /** Several hosts refused pieces it sent. */
  | "wrong-pieces"
  /** The registry sends bytes without the digest. */
  | "registry-wrong-bytes";
