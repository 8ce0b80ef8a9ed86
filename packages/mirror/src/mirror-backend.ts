import type { ByteRange, Digest, Repository } from "@darner/domain";
import type { Secret } from "@darner/runtime";

/** Who asks: nothing but the credential that came with the request. */
export type Caller = { readonly authorization?: Secret };

/** A request for a manifest or a blob, read and checked. */
export type ManifestRequest = {
  readonly repository: Repository;
  /** A tag, or a digest (which then holds a `:`). */
  readonly reference: string;
  readonly accept: readonly string[];
  readonly caller: Caller;
  /** HEAD: only the head is needed. */
  readonly headOnly: boolean;
  readonly signal: AbortSignal;
};

export type BlobRequest = {
  readonly repository: Repository;
  readonly digest: Digest;
  readonly caller: Caller;
  readonly headOnly: boolean;
  readonly signal: AbortSignal;
};

/** A tags or referrers list, or `/v2/`. `path` is path and query at the registry, `ns` taken out. */
export type ListingRequest = {
  readonly registry: string;
  readonly repository?: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly caller: Caller;
  readonly signal: AbortSignal;
};

/** OCI error codes (distribution-spec, "Error codes"). */
export type OciCode =
  | "BLOB_UNKNOWN"
  | "DIGEST_INVALID"
  | "MANIFEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "SIZE_INVALID"
  | "UNAUTHORIZED"
  | "DENIED"
  | "UNSUPPORTED"
  | "TOOMANYREQUESTS";

/** The backend says no: an early, honest status code. */
export type Refused = {
  readonly kind: "refused";
  readonly status: number;
  readonly code: OciCode;
  /** For people: what is wrong and what to do. */
  readonly message: string;
  /** WWW-Authenticate values, relayed as they came. */
  readonly challenges?: readonly string[];
  /** The registry's own error body, relayed byte for byte in place of a made one. */
  readonly body?: { readonly bytes: Uint8Array; readonly contentType: string };
  readonly retryAfterSeconds?: number;
};

export type ManifestFound = {
  readonly kind: "manifest";
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  /** Absent exactly where only the head was asked for. */
  readonly bytes?: Uint8Array;
  readonly warnings: readonly string[];
};

/** Bytes lent by the backend: they stay as they are until `release`. */
export type LentBytes = { readonly bytes: Uint8Array; release(): void };

/** One reader: a range of a blob, in order. */
export interface BlobReader {
  /** The next bytes (never empty); undefined at the end. Rejects where the rest cannot be had: end the response short. */
  read(): Promise<LentBytes | undefined>;
  /** Gives the reader up, at any time, also while a `read` waits (which then answers undefined). */
  close(): void;
}

/** A blob that may be read; hold it until the response is over. */
export interface OpenBlob {
  /** Bytes; undefined where nobody can tell before the end (then only `read` of the whole is possible). */
  readonly size: number | undefined;
  /** Opens a reader; without a range, of the whole blob. `range` lies within the size. */
  read(range?: ByteRange): BlobReader;
  /** Waits until the first byte of `range` (or the proof, for a blob that needs it first) is at hand; a refusal where it cannot be had in time. */
  ready(range?: ByteRange): Promise<Refused | undefined>;
  close(): void;
}

export type BlobFound = { readonly kind: "blob"; readonly blob: OpenBlob };

/** A registry's answer to be passed on: hop-by-hop and unsafe headers already taken out. */
export type Listing = {
  readonly kind: "listing";
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Uint8Array;
};

/** What stands behind the mirror: access, manifests, blobs, listings. The daemon is one; tests pass a map. Never rejects but for a broken invariant. */
export interface MirrorBackend {
  manifest(request: ManifestRequest): Promise<ManifestFound | Refused>;
  blob(request: BlobRequest): Promise<BlobFound | Refused>;
  listing(request: ListingRequest): Promise<Listing | Refused>;
}
