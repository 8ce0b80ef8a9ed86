export type { PeerEffect, SourceCause } from "./effect.ts";
export type { PeerEvent, PeerReport, ReaderId, TransferFailure } from "./event.ts";
export type { PeerGrant } from "./grant.ts";
export { DEFAULT_LIMITS } from "./limits.ts";
export type { Millis, PeerLimits } from "./limits.ts";
export { Peer } from "./peer.ts";
export type { Random } from "./peer-state.ts";
export type { PeerSnapshot } from "./snapshot.ts";
