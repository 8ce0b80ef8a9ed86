import type { PeerReport } from "../event.ts";
import { cancelTransfersOf } from "./follow-scheduler.ts";
import { type PeerState, tell } from "../peer-state.ts";

/** How a grant came to nothing. */
export type GrantFailure = Extract<PeerReport, { type: "grant-failed" }>["failure"];

/** A grant is over without having given all it promised: the scheduler hears it, what still runs for it is cancelled. */
export function failGrant(peer: PeerState, grant: number | undefined, failure: GrantFailure): void {
  if (grant === undefined || !peer.grants.delete(grant)) return;
  tell(peer, { type: "grant-failed", grant, failure });
  cancelTransfersOf(peer, grant);
}
