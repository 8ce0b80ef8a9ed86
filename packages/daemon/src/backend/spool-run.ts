import { createHash, type Hash } from "node:crypto";
import { digestAlgorithm, digestEncoded, type Digest, type Repository, type Task } from "@darner/domain";
import { RegistryError, type Authority, type OpenBlob as SourceBlob } from "@darner/registry-client";
import { BlobFailure } from "../peers/blob-failure.ts";
import type { PeerTable } from "../peers/peer-table.ts";
import type { Spool, StoredBlob } from "../store/store.ts";
import type { BackendDeps } from "./backend-deps.ts";

/** A blob that no peer carries: the registry does not tell its size, or its peer reads through another registry. */
export type SpoolRequest = {
  readonly repository: Repository;
  readonly digest: Digest;
  readonly authority: Authority;
  /** What is known where there is a peer as well: the task, and the peers, with whom the one that is proven first serves all. */
  readonly beside?: {
    readonly task: Task;
    readonly peers: Pick<PeerTable, "whenOver" | "giveWay">;
    /** Asks the registry of this stream to show that it has the blob: only then are bytes that came through another given. */
    readonly mayShare: () => Promise<boolean>;
  };
};

/** What spools work with. */
export type SpoolDeps = Pick<
  BackendDeps,
  "registry" | "registryBehind" | "store" | "buffers" | "log" | "metrics" | "books" | "poisoned" | "announceComplete"
>;

/** Where a stream is in its life. */
type Phase =
  /** Bytes come in; readers read from the spool. */
  | { readonly is: "filling"; readonly spool: Spool | undefined }
  /** All bytes are proven and on their way into the store; readers wait. */
  | { readonly is: "settling" }
  /** Readers read the rest from the store. */
  | { readonly is: "done"; readonly blob: StoredBlob }
  /** The rest will not come. */
  | { readonly is: "failed"; readonly failure: Error };

/** One stream from the source into a spool, for all its readers on this host; it ends with its last reader, or with its last byte. */
export class SpoolRun {
  /** Resolves when nothing more comes and the spool is gone; never rejects. */
  readonly ended: Promise<void>;
  readonly #request: SpoolRequest;
  readonly #deps: SpoolDeps;
  readonly #abort = new AbortController();
  readonly #onOver: () => void;
  // One entry a reader that waits; the mirror bounds its connections.
  readonly #waiting = new Set<() => void>();
  // Reads of the spool under way: it is not moved beneath them. At most one for each reader.
  readonly #reads = new Set<Promise<void>>();
  // Ends the read of the source alone: the rest comes from the store.
  readonly #sourceEnd = new AbortController();
  // Whether the peer of the same blob has proven it.
  #proven = false;
  // Whether somebody was given bytes that were not proven.
  #given = false;
  #phase: Phase = { is: "filling", spool: undefined };
  #readers = 0;

  /** `onOver` is called once, when nobody new may join. */
  constructor(request: SpoolRequest, deps: SpoolDeps, onOver: () => void) {
    this.#request = request;
    this.#deps = deps;
    this.#onOver = onOver;
    this.ended = this.#run();
    if (request.beside !== undefined) void this.#watchPeer(request.beside);
  }

  join(): void {
    this.#readers += 1;
  }

  leave(): void {
    this.#readers -= 1;
    if (this.#readers > 0) return;
    if (this.#phase.is === "done") this.#phase.blob[Symbol.dispose]();
    if (this.#phase.is === "filling") this.stop(new BlobFailure({ code: "stopping", retryAfterMs: 0 }));
  }

  /** Ends the stream; readers that still wait get `failure`. */
  stop(failure: BlobFailure): void {
    this.#onOver();
    this.#abort.abort(failure);
  }

  /** Waits until bytes at `offset` can be read; false at the end, or when `isGone` says that the reader left. Rejects where the rest will not come. */
  async until(offset: number, isGone: () => boolean): Promise<boolean> {
    for (;;) {
      if (isGone()) return false;
      const readable = this.#readable();
      if (readable > offset) return true;
      if (this.#phase.is === "done") return false;
      if (this.#phase.is === "failed") throw this.#phase.failure;
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const wake = (): void => {
        resolve(undefined);
      };
      this.#waiting.add(wake);
      await promise;
    }
  }

  /** Reads into `into` what can be read at `offset` now; gives how many bytes, 0 where they are on their way into the store. */
  async read(offset: number, into: Uint8Array): Promise<number> {
    const bytes = into.subarray(0, Math.max(0, Math.min(into.length, this.#readable() - offset)));
    if (bytes.length === 0) return 0;
    if (this.#phase.is === "done") await this.#phase.blob.read(offset, bytes);
    else if (this.#phase.is === "filling" && this.#phase.spool !== undefined) await this.#readSpool(this.#phase.spool, offset, bytes);
    return bytes.length;
  }

  /** Readers look again: something changed, or one of them left. */
  wakeAll(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  #readable(): number {
    switch (this.#phase.is) {
      case "filling":
        // Until the digest is proven the last byte is held back, and any byte may be the last.
        return Math.max(0, (this.#phase.spool?.bytes ?? 0) - 1);
      case "done":
        return this.#phase.blob.task.size;
      case "settling":
      case "failed":
        return 0;
    }
  }

  async #readSpool(spool: Spool, offset: number, bytes: Uint8Array): Promise<void> {
    this.#given = true;
    const reading = spool.read(offset, bytes);
    const over = reading.catch(() => undefined);
    this.#reads.add(over);
    void over.then(() => this.#reads.delete(over));
    await reading;
  }

  async #run(): Promise<void> {
    let spool: Spool | undefined;
    try {
      spool = await this.#deps.store.spool();
      this.#phase = { is: "filling", spool };
      await this.#settle(spool, await this.#fill(spool));
    } catch (error) {
      this.#phase = { is: "failed", failure: this.#failureOf(error) };
      await Promise.all(this.#reads);
      await spool?.discard().catch(() => undefined);
    }
    this.#onOver();
    this.wakeAll();
  }

  #failureOf(error: unknown): Error {
    const { signal } = this.#abort;
    if (signal.aborted && signal.reason instanceof BlobFailure) return signal.reason;
    this.#deps.log.warn("blob of unknown size could not be read", { digest: this.#request.digest, error });
    return error instanceof Error ? error : new BlobFailure({ code: "starved", retryAfterMs: 0 }, error);
  }

  /** The peer may be proven first: then the rest comes from the store. */
  async #watchPeer({ task, peers, mayShare }: Exclude<SpoolRequest["beside"], undefined>): Promise<void> {
    await peers.whenOver(task);
    const isThere = (): boolean => this.#phase.is === "filling" && this.#deps.store.findComplete(task.digest)?.size === task.size;
    this.#proven = isThere() && (await mayShare().catch(() => false)) && isThere();
    if (this.#proven) this.#sourceEnd.abort();
  }

  /** Fills the spool from the source; gives the hash of what came. */
  async #fill(spool: Spool): Promise<Hash> {
    const hash = createHash(digestAlgorithm(this.#request.digest));
    try {
      for await (const chunk of (await this.#openSource()).bytes) {
        this.#take(chunk, spool.bytes + chunk.length);
        hash.update(chunk);
        await spool.append(chunk);
        this.#abort.signal.throwIfAborted();
        this.wakeAll();
        if (this.#proven) break;
      }
    } catch (error) {
      if (!this.#proven) throw error;
    }
    return hash;
  }

  async #openSource(): Promise<SourceBlob> {
    const { repository, digest, authority } = this.#request;
    const signal = AbortSignal.any([this.#abort.signal, this.#sourceEnd.signal]);
    signal.throwIfAborted();
    return this.#deps.registry.openBlob({ repository, kind: "blob", reference: digest, authority, signal });
  }

  #take(chunk: Uint8Array, bytes: number): void {
    const { beside } = this.#request;
    if (beside !== undefined && bytes > beside.task.size) throw this.#wrong();
    this.#deps.metrics.sourceBytes.inc({ cause: beside === undefined ? "unknown-size" : "other-registry" }, chunk.length);
    this.#deps.books.received("source", chunk.length);
  }

  /** filling → settling → done, where all that came has the digest. */
  async #settle(spool: Spool, hash: Hash): Promise<void> {
    const { repository, digest, beside } = this.#request;
    if (this.#proven && beside !== undefined) return this.#goOnWith(spool, hash, beside.task);
    this.#requireRight(hash, spool.bytes);
    const task = { digest, size: spool.bytes };
    this.#phase = { is: "settling" };
    await Promise.all(this.#reads);
    const registry = this.#deps.registryBehind(repository.registry);
    const adopt = (): Promise<void> => spool.adopt(digest, { registry });
    await (beside === undefined ? adopt() : beside.peers.giveWay(task, adopt));
    this.#serveFrom(this.#stored(task));
    // A blob without bytes is nothing to share.
    if (task.size > 0) this.#deps.announceComplete(task, registry);
  }

  /** filling → done: what came so far and the rest of the proven blob have the digest together, so what came is right. */
  async #goOnWith(spool: Spool, hash: Hash, task: Task): Promise<void> {
    const blob = this.#stored(task);
    try {
      const buffer = this.#deps.buffers.take();
      try {
        for (let at = spool.bytes; at < task.size; at += buffer.bytes.length) {
          const bytes = buffer.bytes.subarray(0, Math.min(buffer.bytes.length, task.size - at));
          await blob.read(at, bytes);
          hash.update(bytes);
        }
      } finally {
        buffer.release();
      }
      this.#requireRight(hash, task.size);
    } catch (error) {
      blob[Symbol.dispose]();
      throw error;
    }
    this.#serveFrom(blob);
    await Promise.all(this.#reads);
    await spool.discard();
  }

  #requireRight(hash: Hash, bytes: number): void {
    const { digest, beside } = this.#request;
    const isRight = hash.digest("hex") === digestEncoded(digest) && (beside === undefined || bytes === beside.task.size);
    this.#deps.metrics.proofs.inc({ outcome: isRight ? "right" : "wrong" });
    if (!isRight) throw this.#wrong();
  }

  #wrong(): BlobFailure {
    const { repository, digest } = this.#request;
    this.#deps.books.wrongBytes("proof-failed", repository.registry, digest);
    if (this.#given) this.#deps.poisoned(digest);
    const wrong = new RegistryError({ code: "invalid-answer", what: "digest" }, `${repository.registry} sent bytes that are not ${digest}`);
    return new BlobFailure({ code: "wrong-bytes", retryAfterMs: 0 }, wrong);
  }

  #stored(task: Task): StoredBlob {
    const blob = this.#deps.store.open(task);
    if (blob?.complete === true) return blob;
    blob?.[Symbol.dispose]();
    throw new BlobFailure({ code: "disk-refused", retryAfterMs: 0 });
  }

  #serveFrom(blob: StoredBlob): void {
    this.#phase = { is: "done", blob };
    if (this.#readers === 0) blob[Symbol.dispose]();
  }
}
