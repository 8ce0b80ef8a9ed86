export type { PeerEffect, SourceCause } from "./effect.ts";
export type { PeerEvent, PeerReport, ReaderId, TransferFailure } from "./event.ts";
export type { PeerGrant } from "./grant.ts";
