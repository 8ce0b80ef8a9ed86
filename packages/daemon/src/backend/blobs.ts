import { createHash } from "node:crypto";
import {
  digestAlgorithm,
  digestEncoded,
  parseDigest,
  parseTask,
  type ByteRange,
  type Digest,
  type Repository,
  type Task,
} from "@darner/domain";
import type { BlobFound, BlobReader, BlobRequest, OpenBlob, Refused } from "@darner/mirror";
import { RegistryError, type Authority, type OpenBlob as SourceBlob } from "@darner/registry-client";
import { BlobFailure } from "../peers/blob-failure.ts";
import type { BlobStream } from "../peers/blob-stream.ts";
import type { ReadableBlob } from "../peers/peer-table.ts";
import type { BackendDeps } from "./backend-deps.ts";
import { PassThrough } from "./pass-through.ts";
import { refusalOf, refused } from "./refusals.ts";
import { Spools } from "./spools.ts";

type Wanted = { readonly repository: Repository; readonly digest: Digest; readonly authority: Authority; readonly signal: AbortSignal };

/** Blobs: from the store, through the swarm, or, where nobody can tell the size, or whose peer reads through another registry, streamed through a spool. */
export class Blobs {
  readonly #deps: BackendDeps;
  readonly #spools: Spools;

  constructor(deps: BackendDeps) {
    this.#deps = deps;
    this.#spools = new Spools(deps);
  }

  async blob(request: BlobRequest): Promise<BlobFound | Refused> {
    const { repository, digest, caller, headOnly, signal } = request;
    try {
      const pass = await this.#deps.gate.check({ repository, kind: "blob", reference: digest, caller, signal });
      const wanted = { repository, digest, authority: pass.authority, signal };
      const known = this.#ownSize(wanted) ?? pass.facts.size;
      // A registry that was asked just now and told no size tells none to a second question.
      const size = known ?? (pass.head === undefined ? await this.#askSize(wanted) : undefined);
      if (headOnly)
        return size === undefined ? refused(502, "BLOB_UNKNOWN", "the registry does not tell the size of this blob") : sizeOnly(size);
      return { kind: "blob", blob: await this.#open(wanted, size) };
    } catch (error) {
      return refusalOf(error, "BLOB_UNKNOWN");
    }
  }

  /** Ends the streams that no peer carries. */
  async close(): Promise<void> {
    await this.#spools[Symbol.asyncDispose]();
  }

  /** The size of what this host has complete, where this registry has it, too. */
  #ownSize(wanted: Wanted): number | undefined {
    const task = this.#deps.store.findComplete(wanted.digest);
    if (task === undefined || this.#hasShown(wanted)) return task?.size;
    using stored = this.#deps.store.open(task, "check");
    return stored?.facts.registry === this.#deps.registryBehind(wanted.repository.registry) ? task.size : undefined;
  }

  #hasShown({ repository, digest }: Wanted): boolean {
    return this.#deps.rights.mode === "open" || this.#deps.shown.has(repository.registry, digest);
  }

  async #askSize({ repository, digest, authority, signal }: Wanted): Promise<number | undefined> {
    const head = await this.#deps.registry.head({ repository, kind: "blob", reference: digest, authority, signal });
    if (head.size !== undefined) this.#deps.contents.add(repository, "blob", digest, { size: head.size });
    return head.size;
  }

  async #open(wanted: Wanted, size: number | undefined): Promise<OpenBlob> {
    const { digest } = wanted;
    const parsed = parseDigest(digest);
    const task = size === undefined ? undefined : parseTask(digest, size);
    if (size !== undefined && task === undefined && parsed.ok && parsed.known) {
      throw new RegistryError({ code: "invalid-answer", what: "size" }, `no blob has ${String(size)} bytes`);
    }
    if (!parsed.ok || !parsed.known) return PassThrough.open((signal) => this.#fromSource({ ...wanted, signal }), wanted.signal);
    if (task === undefined) return this.#spools.open(wanted);
    if (task.size === 0) return emptyBlob(digest);
    const { peers } = this.#deps;
    const beside = { ...wanted, beside: { task, peers, mayShare: () => this.#mayShare(wanted, task) } };
    const running = this.#deps.store.findComplete(digest)?.size === task.size ? undefined : this.#spools.running(beside);
    if (running !== undefined) return running;
    return this.#throughSwarm(wanted, task).catch((error: unknown) => {
      if (error instanceof BlobFailure && error.detail.code === "other-registry") return this.#spools.open(beside);
      throw error;
    });
  }

  async #throughSwarm(wanted: Wanted, task: Task): Promise<OpenBlob> {
    const startedAt = this.#deps.timers.now();
    const blob = await this.#openPeer(wanted, task);
    if (blob === undefined) return this.#spools.open(wanted);
    return new SwarmBlob(blob, () => {
      this.#deps.metrics.firstByteSeconds.observe({ from: blob.from }, (this.#deps.timers.now() - startedAt) / 1000);
    });
  }

  /** A blob whose bytes came through another registry is opened when this one has shown a part of it; undefined where it did not, and is to be read by itself. */
  async #openPeer(wanted: Wanted, task: Task): Promise<ReadableBlob | undefined> {
    const { repository, authority } = wanted;
    const source = { repository, kind: "blob", authority } as const;
    const wish = { source, priority: "reader", facts: { registry: this.#deps.registryBehind(repository.registry) } } as const;
    try {
      return await this.#deps.peers.open(task, { ...wish, ownOnly: !this.#hasShown(wanted) });
    } catch (error) {
      if (!(error instanceof BlobFailure) || error.detail.code !== "not-shown") throw error;
    }
    return (await this.#mayShare(wanted, task)) ? this.#deps.peers.open(task, wish) : undefined;
  }

  /** Whether the registry asked for has shown, or shows now, that it has what is at hand. */
  async #mayShare(wanted: Wanted, task: Task): Promise<boolean> {
    if (this.#hasShown(wanted)) return true;
    const { repository, authority, signal } = wanted;
    const atHand = this.#deps.peers.atHand(task);
    return atHand !== undefined && (await this.#deps.shown.ask({ repository, kind: "blob", authority }, atHand, signal)) === "shown";
  }

  #fromSource({ repository, digest, authority, signal }: Wanted): Promise<SourceBlob> {
    return this.#deps.registry.openBlob({ repository, kind: "blob", reference: digest, authority, signal });
  }
}

/** The answer to a HEAD: nothing is opened. */
function sizeOnly(size: number): BlobFound {
  const unread: BlobReader = { read: () => Promise.resolve(undefined), close: () => undefined };
  return { kind: "blob", blob: { size, read: () => unread, ready: () => Promise.resolve(undefined), close: () => undefined } };
}

/** The blob without bytes: there is nothing to fetch, and its digest is known beforehand. */
function emptyBlob(digest: Digest): OpenBlob {
  if (createHash(digestAlgorithm(digest)).digest("hex") === digestEncoded(digest)) return sizeOnly(0).blob;
  throw new RegistryError(
    { code: "invalid-answer", what: "size" },
    `the registry says that ${digest} has no bytes, which its digest contradicts`,
  );
}

/** A blob of known size behind one response. */
class SwarmBlob implements OpenBlob {
  readonly size: number;
  readonly #blob: ReadableBlob;
  readonly #onFirstByte: () => void;
  // The stream that `ready` opened, until `read` takes it.
  #readied: { readonly stream: BlobStream; readonly range: ByteRange } | undefined;

  constructor(blob: ReadableBlob, onFirstByte: () => void) {
    this.size = blob.task.size;
    this.#blob = blob;
    this.#onFirstByte = onFirstByte;
  }

  async ready(range: ByteRange = { start: 0, end: this.size }): Promise<Refused | undefined> {
    const stream = this.#blob.openStream(range);
    this.#readied = { stream, range };
    try {
      await stream.peek();
      this.#onFirstByte();
      return undefined;
    } catch (error) {
      return refusalOf(error, "BLOB_UNKNOWN");
    }
  }

  read(range: ByteRange = { start: 0, end: this.size }): BlobReader {
    const readied = this.#readied;
    if (readied === undefined || readied.range.start !== range.start || readied.range.end !== range.end)
      return this.#blob.openStream(range);
    this.#readied = undefined;
    return readied.stream;
  }

  close(): void {
    this.#readied?.stream.close();
    this.#blob.close();
  }
}
