import { createHash } from "node:crypto";
import { digestOf } from "@darner/domain";
import type { ByteRange, Digest, Repository } from "@darner/domain";
import type {
  BlobFound,
  BlobReader,
  BlobRequest,
  LentBytes,
  Listing,
  ListingRequest,
  ManifestFound,
  ManifestRequest,
  MirrorBackend,
  Refused,
} from "../src/mirror-backend.ts";

/** A blob as a test wants it to be served. */
export type ScriptedBlob = {
  readonly size: number;
  /** The bytes of a range; a function so that a blob may be larger than memory. */
  readonly at: (range: ByteRange) => Uint8Array;
  /** Bytes per lent buffer; default 64 KiB. */
  readonly chunkBytes?: number;
  /** The backend does not know the size. */
  readonly hidesSize?: boolean;
  /** Reading this byte fails. */
  readonly failsAt?: number;
  /** A read that would give this byte waits until the promise settles. */
  readonly holdsAt?: { readonly byte: number; readonly until: Promise<unknown> };
  /** Answer of `ready`. */
  readonly ready?: () => Promise<Refused | undefined>;
};

/** The digest of some bytes. */
export function sha256Digest(bytes: Uint8Array): Digest {
  return digestOf(`sha256:${createHash("sha256").update(bytes).digest("hex")}`);
}

/** A backend made of maps, with counters of what it has lent out. */
export class MapBackend implements MirrorBackend {
  /** By `registry/name:tag` and `registry/name@digest`. */
  readonly manifests = new Map<string, ManifestFound | Refused>();
  /** By `registry/name@digest`. */
  readonly blobs = new Map<string, ScriptedBlob | Refused>();
  /** By registry and path with query, e.g. `docker.io/v2/library/x/tags/list?n=1`. */
  readonly listings = new Map<string, Listing | Refused>();
  readonly manifestRequests: ManifestRequest[] = [];
  readonly blobRequests: BlobRequest[] = [];
  readonly listingRequests: ListingRequest[] = [];
  /** Every answer waits for this. */
  gate: Promise<unknown> = Promise.resolve();
  openBlobs = 0;
  openReaders = 0;
  lent = 0;
  mostLent = 0;
  /** Bytes handed out by readers. */
  readBytes = 0;

  addManifest(repository: string, tag: string | undefined, body: string, mediaType: string, warnings: readonly string[] = []): Digest {
    const bytes = Buffer.from(body);
    const digest = sha256Digest(bytes);
    const found: ManifestFound = { kind: "manifest", digest, mediaType, size: bytes.length, bytes, warnings };
    this.manifests.set(`${repository}@${digest}`, found);
    if (tag !== undefined) this.manifests.set(`${repository}:${tag}`, found);
    return digest;
  }

  addBlob(repository: string, bytes: Uint8Array, script: Partial<ScriptedBlob> = {}): Digest {
    const digest = sha256Digest(bytes);
    this.blobs.set(`${repository}@${digest}`, { size: bytes.length, at: ({ start, end }) => bytes.subarray(start, end), ...script });
    return digest;
  }

  async manifest(request: ManifestRequest): Promise<ManifestFound | Refused> {
    this.manifestRequests.push(request);
    await this.gate;
    const mark = request.reference.includes(":") ? "@" : ":";
    return this.manifests.get(`${keyOf(request.repository)}${mark}${request.reference}`) ?? unknown("MANIFEST_UNKNOWN");
  }

  async blob(request: BlobRequest): Promise<BlobFound | Refused> {
    this.blobRequests.push(request);
    await this.gate;
    const script = this.blobs.get(`${keyOf(request.repository)}@${request.digest}`) ?? unknown("BLOB_UNKNOWN");
    return "kind" in script ? script : this.#open(script);
  }

  async listing(request: ListingRequest): Promise<Listing | Refused> {
    this.listingRequests.push(request);
    await this.gate;
    return this.listings.get(`${request.registry}${request.path}`) ?? unknown("NAME_UNKNOWN");
  }

  #open(script: ScriptedBlob): BlobFound {
    this.openBlobs += 1;
    let isOpen = true;
    const blob = {
      size: script.hidesSize === true ? undefined : script.size,
      ready: script.ready ?? ((): Promise<undefined> => Promise.resolve(undefined)),
      read: (range: ByteRange = { start: 0, end: script.size }): BlobReader => this.#reader(script, range),
      close: (): void => {
        if (isOpen) this.openBlobs -= 1;
        isOpen = false;
      },
    };
    return { kind: "blob", blob };
  }

  #reader(script: ScriptedBlob, range: ByteRange): BlobReader {
    this.openReaders += 1;
    let { start } = range;
    const { promise: closed, resolve } = Promise.withResolvers<undefined>();
    let isOpen = true;
    return {
      read: async (): Promise<LentBytes | undefined> => {
        const end = Math.min(start + (script.chunkBytes ?? 65_536), range.end);
        const { holdsAt, failsAt } = script;
        if (holdsAt !== undefined && start <= holdsAt.byte && holdsAt.byte < end) await Promise.race([holdsAt.until, closed]);
        if (failsAt !== undefined && start <= failsAt && failsAt < end) throw new Error("scripted failure");
        if (!isOpen || start >= end) return undefined;
        const bytes = Uint8Array.from(script.at({ start, end }));
        this.readBytes += bytes.length;
        start = end;
        return this.#lend(bytes);
      },
      close: (): void => {
        if (isOpen) this.openReaders -= 1;
        isOpen = false;
        resolve(undefined);
      },
    };
  }

  #lend(bytes: Uint8Array): LentBytes {
    this.lent += 1;
    this.mostLent = Math.max(this.mostLent, this.lent);
    let isLent = true;
    return {
      bytes,
      release: () => {
        if (!isLent) throw new Error("released twice");
        isLent = false;
        this.lent -= 1;
        // What a pool does with a buffer that came back: the next owner's bytes. A release too early shows as garbage.
        bytes.fill(0xee);
      },
    };
  }
}

function keyOf(repository: Repository): string {
  return `${repository.registry}/${repository.name}`;
}

function unknown(code: Refused["code"]): Refused {
  return { kind: "refused", status: 404, code, message: "the registry does not have it" };
}
