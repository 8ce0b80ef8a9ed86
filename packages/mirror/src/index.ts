export { createMirrorMetrics } from "./metrics.ts";
export type { MirrorMetrics, ResponseOutcome, RouteKind } from "./metrics.ts";
export type {
  BlobFound,
  BlobReader,
  BlobRequest,
  Caller,
  LentBytes,
  Listing,
  ListingRequest,
  ManifestFound,
  ManifestRequest,
  MirrorBackend,
  OciCode,
  OpenBlob,
  Refused,
} from "./mirror-backend.ts";
export type { MirrorConfig } from "./mirror-config.ts";
export { openMirror } from "./open-mirror.ts";
export type { Mirror, MirrorOptions } from "./open-mirror.ts";
export type { RefusedRegistry } from "./refused-registries.ts";
