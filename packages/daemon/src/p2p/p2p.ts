import { DarnerError, type HostId } from "@darner/domain";
import type { Logger } from "@darner/runtime";
import type { Identity } from "../identity/identity.ts";
import type { MemberGate } from "../membership/member-gate.ts";

/** How this host takes part in peer-to-peer talk. */
export type P2pConfig = {
  /** `address:port`; port 0 lets the system choose. */
  readonly listen: string;
  readonly identity: Identity;
  readonly limits?: Partial<P2pLimits>;
};

/** Bounds of the node. */
export type P2pLimits = {
  /** Hosts connected at once. */
  readonly maxConnections: number;
  /** Connections one address may open in a second. */
  readonly connectionsPerSecond: number;
};

/** What the node works with. */
export type P2pDeps = {
  readonly log: Logger;
  /** What this host says of itself when a member asks. */
  readonly status: () => Promise<object>;
  /** Who is a member; who is not is not talked to. */
  readonly gate: MemberGate;
};

/** Another host: by its id and `address:port`, or by a multiaddr that ends in its id. */
export type P2pTarget = { readonly host: HostId; readonly address: string } | string;

/** Why another host gave no answer. */
export type P2pProblem =
  /** The target is no address. */
  | { readonly code: "bad-target"; readonly target: string }
  /** Nobody there, not the host it should be, or it does not talk to this one. */
  | { readonly code: "unreachable"; readonly target: string }
  /** It is there, and did not answer in time. */
  | { readonly code: "timed-out"; readonly target: string }
  /** What it answered is no status. */
  | { readonly code: "bad-answer"; readonly target: string };

/** Another host could not be asked. */
export class P2pError extends DarnerError<P2pProblem> {}

/** This host among its peers: it can be asked for its status, and asks others. */
export interface P2pNode extends AsyncDisposable {
  /** Where it listens, as `address:port`. */
  readonly address: string;
  /** The status of another host, as it sent it: nothing about its content is known but that it is a JSON object. Rejects with `P2pError`. */
  askStatus(target: P2pTarget, timeoutMs: number): Promise<Readonly<Record<string, unknown>>>;
}
