import type { ByteRange } from "@darner/domain";
import type { BlobReader, LentBytes, OpenBlob, Refused } from "@darner/mirror";
import { RegistryError } from "@darner/registry-client";
import { BlobFailure } from "../peers/blob-failure.ts";
import { refusalOf } from "./refusals.ts";
import { SpoolRun, type SpoolDeps, type SpoolRequest } from "./spool-run.ts";

// Registries that do not tell sizes are rare, and each stream holds a connection and a file: what goes beyond asks the registry itself.
const MAX_SPOOLS = 64;

/** Blobs that no peer carries: one stream each, spooled for all readers of this host; complete, they join the swarm (design.md, 4). */
export class Spools implements AsyncDisposable {
  readonly #deps: SpoolDeps;
  readonly #joinable = new Map<string, SpoolRun>();
  readonly #runs = new Set<SpoolRun>();
  #closed = false;

  constructor(deps: SpoolDeps) {
    this.#deps = deps;
  }

  /** Joins the stream of a blob or starts it; throws `BlobFailure` where there are too many. */
  open(request: SpoolRequest): OpenBlob {
    return new SpooledBlob(request.beside?.task.size, this.#deps, () => this.#joinOrStart(request));
  }

  /** The running stream of a blob of known size, for one more reader. */
  running(request: SpoolRequest): OpenBlob | undefined {
    return this.#joinable.has(keyOf(request)) ? this.open(request) : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const run of this.#runs) run.stop(new BlobFailure({ code: "stopping", retryAfterMs: 0 }));
    await Promise.all([...this.#runs].map(({ ended }) => ended));
  }

  #joinOrStart(request: SpoolRequest): Boarding {
    const running = this.#joinable.get(keyOf(request));
    return running === undefined ? { run: this.#start(request), isOwn: true } : { run: running, isOwn: false };
  }

  #start(request: SpoolRequest): SpoolRun {
    if (this.#closed) throw new BlobFailure({ code: "stopping", retryAfterMs: 0 });
    if (this.#runs.size >= MAX_SPOOLS) throw new BlobFailure({ code: "busy", retryAfterMs: 0 });
    const key = keyOf(request);
    const run = new SpoolRun(request, this.#deps, () => {
      if (this.#joinable.get(key) === run) this.#joinable.delete(key);
    });
    this.#joinable.set(key, run);
    this.#runs.add(run);
    void run.ended.then(() => this.#runs.delete(run));
    return run;
  }
}

function keyOf({ repository, digest, beside }: SpoolRequest): string {
  return `${repository.registry} ${digest} ${String(beside?.task.size)}`;
}

/** The stream a response reads from, and whether it was begun with this response's own credential. */
type Boarding = { readonly run: SpoolRun; readonly isOwn: boolean };

/** One response's hold on a stream. */
class SpooledBlob implements OpenBlob {
  readonly size: number | undefined;
  readonly #deps: SpoolDeps;
  readonly #board: () => Boarding;
  #boarded: Boarding;
  #closed = false;

  constructor(size: number | undefined, deps: SpoolDeps, board: () => Boarding) {
    this.size = size;
    this.#deps = deps;
    this.#board = board;
    this.#boarded = board();
    this.#boarded.run.join();
  }

  read(range: ByteRange = this.#whole): BlobReader {
    return new SpoolReader(this.#boarded.run, range, this.#deps);
  }

  async ready({ start }: ByteRange = this.#whole): Promise<Refused | undefined> {
    try {
      while (!(await this.#hasByte(start))) this.#change();
      return undefined;
    } catch (error) {
      return refusalOf(error, "BLOB_UNKNOWN");
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#boarded.run.leave();
    this.#boarded.run.wakeAll();
  }

  get #whole(): ByteRange {
    return { start: 0, end: this.size ?? Infinity };
  }

  /** False where the stream of another response failed: for reasons, perhaps, that are that caller's alone. */
  async #hasByte(offset: number): Promise<boolean> {
    const { run, isOwn } = this.#boarded;
    try {
      await run.until(offset, () => this.#closed);
      return true;
    } catch (error) {
      if (isOwn || this.#closed || !(error instanceof RegistryError)) throw error;
      return false;
    }
  }

  #change(): void {
    const next = this.#board();
    next.run.join();
    this.#boarded.run.leave();
    this.#boarded = next;
  }
}

class SpoolReader implements BlobReader {
  readonly #run: SpoolRun;
  readonly #deps: SpoolDeps;
  readonly #end: number;
  #offset: number;
  #closed = false;

  constructor(run: SpoolRun, { start, end }: ByteRange, deps: SpoolDeps) {
    this.#run = run;
    this.#offset = start;
    this.#end = end;
    this.#deps = deps;
  }

  async read(): Promise<LentBytes | undefined> {
    while (this.#offset < this.#end && (await this.#run.until(this.#offset, () => this.#closed))) {
      const buffer = this.#deps.buffers.take();
      try {
        const bytes = await this.#run.read(this.#offset, buffer.bytes.subarray(0, Math.min(buffer.bytes.length, this.#end - this.#offset)));
        if (bytes > 0) {
          this.#offset += bytes;
          return { bytes: buffer.bytes.subarray(0, bytes), release: buffer.release };
        }
      } catch (error) {
        buffer.release();
        throw error;
      }
      buffer.release();
    }
    return undefined;
  }

  close(): void {
    this.#closed = true;
    this.#run.wakeAll();
  }
}
