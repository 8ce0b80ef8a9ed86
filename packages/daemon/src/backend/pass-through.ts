import type { ByteRange } from "@darner/domain";
import type { BlobReader, LentBytes, OpenBlob } from "@darner/mirror";
import type { OpenBlob as SourceBlob } from "@darner/registry-client";

/** A blob whose digest cannot be checked here: passed on as the registry sends it, kept nowhere (contract, case 3). */
export class PassThrough implements OpenBlob {
  readonly size: number | undefined;
  readonly #ask: (signal: AbortSignal) => Promise<SourceBlob>;
  readonly #over: AbortController;
  // The answer that told the size, until the first reader takes it; every further range is asked anew.
  #first: SourceBlob | undefined;

  private constructor(first: SourceBlob, ask: (signal: AbortSignal) => Promise<SourceBlob>, over: AbortController) {
    this.size = first.head.size;
    this.#first = first;
    this.#ask = ask;
    this.#over = over;
  }

  /** Asks the registry; rejects with `RegistryError`. */
  static async open(ask: (signal: AbortSignal) => Promise<SourceBlob>, signal: AbortSignal): Promise<PassThrough> {
    const over = new AbortController();
    return new PassThrough(await ask(AbortSignal.any([signal, over.signal])), ask, over);
  }

  read(range?: ByteRange): BlobReader {
    const first = this.#first;
    this.#first = undefined;
    return new PassingReader(first === undefined ? this.#ask(this.#over.signal) : Promise.resolve(first), range);
  }

  ready(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  close(): void {
    this.#over.abort();
  }
}

/** Skips to the beginning of its range and ends at its end: the registry sends all. */
class PassingReader implements BlobReader {
  readonly #chunks: Promise<AsyncIterator<Uint8Array>>;
  readonly #range: ByteRange;
  readonly #gone = Promise.withResolvers<undefined>();
  #offset = 0;

  constructor(source: Promise<SourceBlob>, range: ByteRange = { start: 0, end: Infinity }) {
    this.#chunks = source.then(({ bytes }) => bytes[Symbol.asyncIterator]());
    this.#chunks.catch(() => undefined);
    this.#range = range;
  }

  async read(): Promise<LentBytes | undefined> {
    while (this.#offset < this.#range.end) {
      const next = this.#next();
      next.catch(() => undefined);
      const chunk = await Promise.race([next, this.#gone.promise]);
      if (chunk === undefined) return undefined;
      const from = Math.max(0, this.#range.start - this.#offset);
      const bytes = chunk.subarray(from, Math.max(from, this.#range.end - this.#offset));
      this.#offset += chunk.length;
      if (bytes.length > 0) return { bytes, release: () => undefined };
    }
    return undefined;
  }

  close(): void {
    this.#gone.resolve(undefined);
    void this.#chunks.then((chunks) => chunks.return?.()).catch(() => undefined);
  }

  async #next(): Promise<Uint8Array | undefined> {
    const chunks = await this.#chunks;
    const next = await chunks.next();
    return next.done === true ? undefined : next.value;
  }
}
