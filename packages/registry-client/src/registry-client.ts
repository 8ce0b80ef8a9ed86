import type { ByteRange, Digest, Repository } from "@darner/domain";
import type { Secret } from "@darner/runtime";

/** In whose name a request goes to a registry. */
export type Authority =
  /** The caller's own Authorization header, passed on as it came, never renewed, never for another repository. */
  | { readonly kind: "caller"; readonly authorization: Secret }
  /** Darner's configured credential for the registry; anonymous where none is configured. */
  | { readonly kind: "own" }
  /** Nobody: no credential, though an anonymous token is fetched where the registry asks for one. */
  | { readonly kind: "anonymous" };

/** A manifest (by tag or digest) or a blob (by digest) in a repository, asked in somebody's name. */
export type ContentRequest = {
  readonly repository: Repository;
  readonly kind: "manifest" | "blob";
  readonly reference: string;
  readonly authority: Authority;
  /** Accept header values for a manifest; default: every manifest type (contracts/registry-mirror.md 1.4). */
  readonly accept?: readonly string[];
  /** How long a pause that the registry asks for is waited out, once, in milliseconds; default: a pause is an error at once. */
  readonly patienceMs?: number;
  readonly signal?: AbortSignal;
};

/** What a registry says of a manifest or blob without sending it. Absent fields were absent or unusable in the answer. */
export type ContentHead = {
  readonly size?: number;
  readonly mediaType?: string;
  /** Docker-Content-Digest where it is a well-formed digest. */
  readonly digest?: Digest;
  /** Warning headers, passed on as they came (contract 1.14). */
  readonly warnings: readonly string[];
};

/** A manifest's bytes, exactly as the registry sent them, with its head; `size` is always `bytes.length`. */
export type ManifestBody = ContentHead & { readonly bytes: Uint8Array };

/** Takes bytes of a blob in order; `offset` is where `bytes` begins in the blob. The bytes are only lent until the promise settles. */
export type ByteSink = (bytes: Uint8Array, offset: number) => void | Promise<void>;

/** Which bytes of a blob to read. */
export type BlobRead = {
  readonly repository: Repository;
  /** A manifest can be read like a blob: whole, in one request, without Range. */
  readonly kind: "manifest" | "blob";
  readonly digest: Digest;
  readonly range: ByteRange;
  /** Size of the whole blob in bytes: a range that covers all of it is asked without a Range header. */
  readonly size: number;
  readonly authority: Authority;
  readonly signal: AbortSignal;
};

/** A blob whose size the registry does not tell: its bytes until the end. */
export type OpenBlob = { readonly head: ContentHead; readonly bytes: AsyncIterable<Uint8Array> };

/** A listing (tags, referrers) or ping to be passed on: status, the headers a client may see, the body byte for byte. */
export type Relayed = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Uint8Array;
};

/** What a relay may be asked for. */
export type RelayRequest = {
  readonly registry: string;
  /** Path and query below the registry's root, e.g. `/v2/library/nginx/tags/list?n=10`; `ns` already taken out. */
  readonly path: string;
  /** The repository a token would be asked for; absent for `/v2/`. */
  readonly repository?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly authority: Authority;
  readonly signal?: AbortSignal;
};

/** Speaks to upstream registries. Every method rejects with `RegistryError` only (or the signal's reason). */
export interface RegistryClient {
  /** HEAD of a manifest or blob; where HEAD is refused (401-always, 403, 405) a GET of as few bytes as possible. */
  head(request: ContentRequest): Promise<ContentHead>;
  /** GET of a manifest, at most `maxManifestBytes`. */
  manifest(request: ContentRequest): Promise<ManifestBody>;
  /**
   * Reads a range of a blob into `sink`, in order, each byte once; a broken stream is resumed at the byte where it broke.
   * Rejects with `range-ignored`, before any byte is delivered, where the registry answers a Range with the whole blob.
   */
  readBlob(read: BlobRead, sink: ByteSink): Promise<void>;
  /** GET of a whole blob whose size is not known. */
  openBlob(request: ContentRequest): Promise<OpenBlob>;
  /** GET passed on; a 4xx or 5xx is an answer, not an error. */
  relay(request: RelayRequest): Promise<Relayed>;
  close(): Promise<void>;
}
