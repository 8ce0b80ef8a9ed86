import { createHash } from "node:crypto";
import { digestAlgorithm, digestEncoded, type Digest, type Repository } from "@darner/domain";
import type { BlobReader, LentBytes, OpenBlob } from "@darner/mirror";
import { RegistryError, type Authority } from "@darner/registry-client";
import { BlobFailure } from "../peers/blob-failure.ts";
import type { Spool } from "../store/store.ts";
import type { BackendDeps } from "./backend-deps.ts";
import { refusalOf } from "./refusals.ts";

/** A blob whose size the registry does not tell. */
export type SpoolRequest = { readonly repository: Repository; readonly digest: Digest; readonly authority: Authority };

/** Blobs of unknown size: one stream each, spooled for all readers of this host; complete, they join the swarm (design.md, 4). */
export class Spools {
  readonly #deps: BackendDeps;
  // One entry a running stream; the mirror bounds the requests that start them.
  readonly #running = new Map<string, Promise<SpoolRun>>();
  readonly #stop = new AbortController();

  constructor(deps: BackendDeps) {
    this.#deps = deps;
  }

  /** Joins the stream of a blob or starts it. Rejects with `RegistryError` or `StoreError`. */
  async open(request: SpoolRequest): Promise<OpenBlob> {
    const key = `${request.repository.registry} ${request.digest}`;
    const running = this.#running.get(key) ?? this.#start(key, request);
    const run = await running;
    run.join();
    return {
      size: undefined,
      read: () => new SpoolReader(run, this.#deps),
      ready: async () => {
        try {
          await run.until(0);
          return undefined;
        } catch (error) {
          return refusalOf(error, "BLOB_UNKNOWN");
        }
      },
      close: () => {
        run.leave();
      },
    };
  }

  close(): void {
    this.#stop.abort();
  }

  #start(key: string, request: SpoolRequest): Promise<SpoolRun> {
    const starting = this.#deps.store.spool().then((spool) => {
      const run = new SpoolRun(request, spool, this.#deps, AbortSignal.any([this.#stop.signal]));
      void run.ended.finally(() => this.#running.delete(key));
      return run;
    });
    starting.catch(() => this.#running.delete(key));
    this.#running.set(key, starting);
    return starting;
  }
}

/** One stream from the source into a spool. */
class SpoolRun {
  readonly ended: Promise<void>;
  readonly #request: SpoolRequest;
  readonly #spool: Spool;
  readonly #deps: BackendDeps;
  readonly #abort = new AbortController();
  readonly #waiting = new Set<() => void>();
  #readers = 0;
  #failure: Error | undefined;
  #done = false;

  constructor(request: SpoolRequest, spool: Spool, deps: BackendDeps, stop: AbortSignal) {
    this.#request = request;
    this.#spool = spool;
    this.#deps = deps;
    this.ended = this.#run(AbortSignal.any([stop, this.#abort.signal]));
  }

  get readable(): number {
    // Until the digest is proven the last byte is held back, and any byte may be the last.
    return this.#done ? this.#spool.bytes : Math.max(0, this.#spool.bytes - 1);
  }

  get done(): boolean {
    return this.#done;
  }

  join(): void {
    this.#readers += 1;
  }

  leave(): void {
    this.#readers -= 1;
    if (this.#readers > 0) return;
    if (this.#done) void this.#spool.discard();
    else this.#abort.abort();
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    return this.#spool.read(offset, into);
  }

  /** Resolves when more than `offset` bytes can be read or the end is reached; rejects where the rest will not come. */
  async until(offset: number): Promise<void> {
    while (this.readable <= offset && !this.#done) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      await this.#fill(signal);
      this.#done = true;
    } catch (error) {
      this.#failure = error instanceof Error ? error : new BlobFailure({ code: "starved", retryAfterMs: 0 }, error);
      await this.#spool.discard();
    }
    this.#wakeAll();
  }

  async #fill(signal: AbortSignal): Promise<void> {
    const { repository, digest, authority } = this.#request;
    const source = await this.#deps.registry.openBlob({ repository, kind: "blob", reference: digest, authority, signal });
    const hash = createHash(digestAlgorithm(digest));
    for await (const chunk of source.bytes) {
      hash.update(chunk);
      this.#deps.metrics.sourceBytes.inc({ cause: "unknown-size" }, chunk.length);
      this.#deps.books.received("source", chunk.length);
      await this.#spool.append(chunk);
      this.#wakeAll();
    }
    if (hash.digest("hex") !== digestEncoded(digest)) {
      this.#deps.metrics.proofs.inc({ outcome: "wrong" });
      throw new BlobFailure({ code: "wrong-bytes", retryAfterMs: 0 }, new RegistryError({ code: "invalid-answer", what: "digest" }, "the bytes do not have the digest"));
    }
    this.#deps.metrics.proofs.inc({ outcome: "right" });
    await this.#spool.adopt(digest, { registry: repository.registry });
    this.#deps.announceComplete({ digest, size: this.#spool.bytes }, repository.registry);
  }

  #wakeAll(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

class SpoolReader implements BlobReader {
  readonly #run: SpoolRun;
  readonly #deps: BackendDeps;
  #offset = 0;
  #closed = false;

  constructor(run: SpoolRun, deps: BackendDeps) {
    this.#run = run;
    this.#deps = deps;
  }

  async read(): Promise<LentBytes | undefined> {
    await this.#run.until(this.#offset);
    if (this.#closed || (this.#run.done && this.#offset >= this.#run.readable)) return undefined;
    const buffer = this.#deps.buffers.take();
    const bytes = buffer.bytes.subarray(0, Math.min(buffer.bytes.length, this.#run.readable - this.#offset));
    try {
      await this.#run.read(this.#offset, bytes);
    } catch (error) {
      buffer.release();
      throw error;
    }
    this.#offset += bytes.length;
    return { bytes, release: buffer.release };
  }

  close(): void {
    this.#closed = true;
  }
}
