import { createHash } from "node:crypto";
import {
  DarnerError,
  digestAlgorithm,
  digestEncoded,
  digestOf,
  parseDigest,
  type Digest,
  type Reference,
  type Repository,
} from "@darner/domain";

/** Why the mirror did not give what the command line asked for. */
export type MirrorFailure =
  /** Nobody listens there. */
  | { readonly code: "no-mirror"; readonly url: string }
  /** The mirror said no. */
  | { readonly code: "refused"; readonly status: number }
  /** The stream broke and could not be resumed. */
  | { readonly code: "broken" }
  /** The bytes do not have the digest. */
  | { readonly code: "wrong-bytes"; readonly digest: Digest }
  /** What came is no manifest or index, or names a part that cannot be checked. */
  | { readonly code: "not-an-image"; readonly digest: Digest }
  /** The index has no image for the platform. */
  | { readonly code: "no-platform"; readonly platform: string };

export class MirrorError extends DarnerError<MirrorFailure> {}

/** A manifest as the mirror gave it, its digest checked. */
export type FetchedManifest = { readonly digest: Digest; readonly mediaType: string; readonly bytes: Uint8Array };

/** Takes bytes of a blob in order. */
export type BlobSink = (bytes: Uint8Array) => Promise<void> | void;

/** How one blob is read: with `signal` the read ends; `onSize` is told the size as soon as the mirror tells it. */
export type BlobRead = { readonly signal?: AbortSignal; readonly onSize?: (size: number | undefined) => void };

const ACCEPT = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "*/*",
].join(", ");

// A stream that broke this often without a single further byte will not get better.
const MAX_FRUITLESS_TRIES = 3;

/** Asks a Darner mirror as containerd would, and checks every digest itself. */
export class MirrorClient {
  readonly #base: string;
  readonly #signal: AbortSignal;

  /** `address` is `host:port` of the mirror; with `signal` everything that is under way ends. */
  constructor(address: string, signal: AbortSignal) {
    this.#base = `http://${address}`;
    this.#signal = signal;
  }

  /** The manifest or index of a reference. Rejects with `MirrorError`. */
  async manifest(reference: Reference): Promise<FetchedManifest> {
    const wanted = reference.digest ?? reference.tag ?? "latest";
    const response = await this.#get(`/v2/${reference.name}/manifests/${wanted}?ns=${encodeURIComponent(reference.registry)}`, {
      accept: ACCEPT,
    });
    const bytes = await wholeBody(response);
    if (bytes === undefined) throw new MirrorError({ code: "broken" }, `the manifest ${wanted} broke off`);
    const told = parseDigest(response.headers.get("docker-content-digest") ?? "");
    const digest = reference.digest ?? (told.ok && told.known ? told.digest : sha256Of(bytes));
    if (createHash(digestAlgorithm(digest)).update(bytes).digest("hex") !== digestEncoded(digest)) throw wrongBytes(digest);
    return { digest, mediaType: response.headers.get("content-type") ?? "application/octet-stream", bytes };
  }

  /** Reads a blob into `sink`, resuming where a stream ends short, and checks its digest at the end. Gives its size. Rejects with `MirrorError`. */
  async blob({ registry, name }: Repository, digest: Digest, sink: BlobSink, { signal, onSize }: BlobRead = {}): Promise<number> {
    const hash = createHash(digestAlgorithm(digest));
    const path = `/v2/${name}/blobs/${digest}?ns=${encodeURIComponent(registry)}`;
    let read = 0;
    let size: number | undefined;
    for (let fruitless = 0; fruitless < MAX_FRUITLESS_TRIES;) {
      const before = read;
      const response = await this.#get(path, read === 0 ? {} : { range: `bytes=${String(read)}-` }, signal);
      if (read > 0 && response.status !== 206) {
        // What is not read keeps its connection.
        await response.body?.cancel();
        throw new MirrorError({ code: "broken" }, "the mirror did not resume the blob where it broke off");
      }
      if (read === 0) onSize?.((size = sizeOf(response)));
      const whole = await readBody(response, async (bytes) => {
        hash.update(bytes);
        read += bytes.length;
        await sink(bytes);
      });
      if (whole && (size === undefined || read === size)) {
        if (hash.digest("hex") !== digestEncoded(digest)) throw wrongBytes(digest);
        return read;
      }
      signal?.throwIfAborted();
      this.#signal.throwIfAborted();
      fruitless = read === before ? fruitless + 1 : 0;
    }
    throw new MirrorError({ code: "broken" }, `the blob ${digest} broke off after ${String(read)} bytes and could not be resumed`);
  }

  async #get(path: string, headers: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<Response> {
    const url = `${this.#base}${path}`;
    const over = signal === undefined ? this.#signal : AbortSignal.any([this.#signal, signal]);
    let response: Response;
    try {
      response = await fetch(url, { headers, signal: over });
    } catch (error) {
      over.throwIfAborted();
      const message = `no mirror answers at ${this.#base}: is the daemon running? Another address is given with --mirror.`;
      throw new MirrorError({ code: "no-mirror", url }, message, { cause: error });
    }
    if (response.ok) return response;
    const text = await response.text();
    throw new MirrorError(
      { code: "refused", status: response.status },
      `the mirror answered ${String(response.status)}: ${messageIn(text)}`,
    );
  }
}

/** A small body; undefined where it ended short. */
async function wholeBody(response: Response): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch {
    return undefined;
  }
}

/** Reads a body to its end; false where it ended short. Errors of the sink pass through. */
async function readBody(response: Response, sink: (bytes: Uint8Array) => Promise<void>): Promise<boolean> {
  const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
  if (reader === undefined) return true;
  try {
    for (;;) {
      const chunk = await reader.read().catch(() => undefined);
      if (chunk === undefined) return false;
      if (chunk.done) return true;
      await sink(chunk.value);
    }
  } finally {
    // A sink that failed leaves the rest unread: the connection must not wait for it.
    await reader.cancel().catch(() => undefined);
  }
}

function sizeOf(response: Response): number | undefined {
  const length = response.headers.get("content-length");
  return length === null ? undefined : Number(length);
}

function sha256Of(bytes: Uint8Array): Digest {
  return digestOf(`sha256:${createHash("sha256").update(bytes).digest("hex")}`);
}

function wrongBytes(digest: Digest): MirrorError {
  return new MirrorError({ code: "wrong-bytes", digest }, `the bytes that came are not ${digest}`);
}

/** The message of an OCI error body, or the body itself, shortened. */
function messageIn(text: string): string {
  try {
    const { errors } = JSON.parse(text) as { errors?: readonly { code?: string; message?: string }[] };
    const first = errors?.[0];
    if (first !== undefined) return `${first.code ?? ""} ${first.message ?? ""}`.trim();
  } catch {
    // Not JSON: shown as it is.
  }
  return text.slice(0, 200);
}
