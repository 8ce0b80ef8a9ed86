export type {
  BlobFound, BlobReader, BlobRequest, Caller, LentBytes, Listing, ListingRequest, ManifestFound, ManifestRequest, MirrorBackend, OciCode, OpenBlob, Refused,
} from "./mirror-backend.ts";
