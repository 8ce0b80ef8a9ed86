import { createHash } from "node:crypto";
import { digestAlgorithm, digestEncoded, type Digest, type Repository } from "@darner/domain";
import { RegistryError, type Authority } from "@darner/registry-client";
import { BlobFailure } from "../peers/blob-failure.ts";
import type { Spool, StoredBlob } from "../store/store.ts";
import type { BackendDeps } from "./backend-deps.ts";

/** A blob whose size the registry does not tell. */
export type SpoolRequest = { readonly repository: Repository; readonly digest: Digest; readonly authority: Authority };

/** What spools work with. */
export type SpoolDeps = Pick<BackendDeps, "registry" | "store" | "buffers" | "log" | "metrics" | "books" | "announceComplete">;

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
  #phase: Phase = { is: "filling", spool: undefined };
  #readers = 0;

  /** `onOver` is called once, when nobody new may join. */
  constructor(request: SpoolRequest, deps: SpoolDeps, onOver: () => void) {
    this.#request = request;
    this.#deps = deps;
    this.#onOver = onOver;
    this.ended = this.#run();
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
      await this.#fill(spool);
      await this.#settle(spool);
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

  async #fill(spool: Spool): Promise<void> {
    const { repository, digest, authority } = this.#request;
    const { registry, metrics, books } = this.#deps;
    const { signal } = this.#abort;
    signal.throwIfAborted();
    const source = await registry.openBlob({ repository, kind: "blob", reference: digest, authority, signal });
    const hash = createHash(digestAlgorithm(digest));
    for await (const chunk of source.bytes) {
      hash.update(chunk);
      metrics.sourceBytes.inc({ cause: "unknown-size" }, chunk.length);
      books.received("source", chunk.length);
      await spool.append(chunk);
      signal.throwIfAborted();
      this.wakeAll();
    }
    const isRight = hash.digest("hex") === digestEncoded(digest);
    metrics.proofs.inc({ outcome: isRight ? "right" : "wrong" });
    if (isRight) return;
    const wrong = new RegistryError({ code: "invalid-answer", what: "digest" }, `${repository.registry} sent bytes that are not ${digest}`);
    throw new BlobFailure({ code: "wrong-bytes", retryAfterMs: 0 }, wrong);
  }

  async #settle(spool: Spool): Promise<void> {
    const { repository, digest } = this.#request;
    const task = { digest, size: spool.bytes };
    this.#phase = { is: "settling" };
    await Promise.all(this.#reads);
    await spool.adopt(digest, { registry: repository.registry });
    const blob = this.#deps.store.open(task);
    if (blob === undefined) throw new BlobFailure({ code: "disk-refused", retryAfterMs: 0 });
    this.#phase = { is: "done", blob };
    if (this.#readers === 0) blob[Symbol.dispose]();
    // A blob without bytes is nothing to share.
    if (task.size > 0) this.#deps.announceComplete(task, repository.registry);
  }
}
