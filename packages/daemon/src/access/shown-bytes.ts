import { randomInt } from "node:crypto";
import { pieceRange, type ByteRange, type Digest } from "@darner/domain";
import { RegistryError, type RegistryClient } from "@darner/registry-client";
import { LruMap, type Logger } from "@darner/runtime";
import { BlobFailure } from "../peers/blob-failure.ts";
import type { BytesAtHand } from "../peers/bytes-at-hand.ts";
import type { SourceLocation } from "../source/source-location.ts";

/** What a registry made of the question whether it has the bytes. */
export type Showing =
  /** It sent what this host has. */
  | "shown"
  /** It sent other bytes. */
  | "other-bytes"
  /** It did not say: it knows no Range, or its answers are no use. */
  | "unsaid";

// One entry a (registry, digest) pair whose bytes came from elsewhere: two registries that hold the same thousands of images; 20 MB at the very most.
const MAX_SHOWN = 100_000;
// A guess among 2^32768, and less than a head of HTTP costs.
const SAMPLE_BYTES = 4096;
// Smaller than this the whole is asked for: nothing of it is left to be guessed, and registries without Range can answer, too.
const WHOLE_BYTES = 64 * 1024;

/**
 * Which registries have shown that they have which bytes. A registry's word that it has a digest opens nothing that came from elsewhere:
 * it has to send a part of it that it could not foresee. Only what this host itself was sent is remembered.
 */
export class ShownBytes {
  readonly #registry: Pick<RegistryClient, "readBlob">;
  readonly #registryBehind: (registry: string) => string;
  readonly #log: Logger;
  readonly #shown = new LruMap<string, true>({ maxEntries: MAX_SHOWN });
  // One entry at most for each request that runs.
  readonly #underWay = new Map<string, Promise<unknown>>();

  /** `registryBehind`: names of one registry are one. */
  constructor(registry: Pick<RegistryClient, "readBlob">, registryBehind: (registry: string) => string, log: Logger) {
    this.#registry = registry;
    this.#registryBehind = registryBehind;
    this.#log = log;
  }

  has(registry: string, digest: Digest): boolean {
    return this.#shown.get(this.#keyOf(registry, digest)) === true;
  }

  /** The registry sent the whole, and it had its digest. */
  note(registry: string, digest: Digest): void {
    this.#shown.set(this.#keyOf(registry, digest), true);
  }

  /** Asks a registry, in the caller's name, to show a part of the bytes at hand. Rejects with `RegistryError` where it refuses or is away. */
  async ask(source: SourceLocation, bytes: BytesAtHand, signal: AbortSignal): Promise<Showing> {
    const { registry } = source.repository;
    const { digest } = bytes.task;
    const key = this.#keyOf(registry, digest);
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) {
      // What another caller is shown is shown to all; what it is refused is its own affair.
      await underWay.catch(() => undefined);
      signal.throwIfAborted();
      if (this.has(registry, digest)) return "shown";
    }
    const asked = this.#asked(source, bytes, signal);
    if (!this.#underWay.has(key)) {
      const over = (): void => void this.#underWay.delete(key);
      this.#underWay.set(key, asked);
      asked.then(over, over);
    }
    return asked;
  }

  #keyOf(registry: string, digest: Digest): string {
    return `${this.#registryBehind(registry)} ${digest}`;
  }

  async #asked(source: SourceLocation, bytes: BytesAtHand, signal: AbortSignal): Promise<Showing> {
    const { registry } = source.repository;
    const { digest } = bytes.task;
    const showing = await this.#compare(source, bytes, signal);
    if (showing === "shown") this.note(registry, digest);
    else this.#log.warn("a registry did not show bytes that came from elsewhere: it is read by itself", { registry, digest, showing });
    return showing;
  }

  async #compare(source: SourceLocation, bytes: BytesAtHand, signal: AbortSignal): Promise<Showing> {
    const range = sampleOf(bytes);
    const { digest, size } = bytes.task;
    const theirs = Buffer.alloc(range.end - range.start);
    const put = (part: Uint8Array, offset: number): void => theirs.set(part, offset - range.start);
    try {
      await this.#registry.readBlob({ ...source, digest, size, range, signal }, put);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      if (error.detail.code === "range-ignored" || error.detail.code === "invalid-answer") return "unsaid";
      throw error;
    }
    try {
      return theirs.equals(await bytes.read(range, signal)) ? "shown" : "other-bytes";
    } catch (error) {
      // What this host was to compare with never came.
      if (error instanceof BlobFailure) return "unsaid";
      throw error;
    }
  }
}

function sampleOf({ task: { size }, pieces }: BytesAtHand): ByteRange {
  if (size <= WHOLE_BYTES) return { start: 0, end: size };
  const { start, end: pieceEnd } = pieceRange(size, pieces[randomInt(pieces.length)] ?? 0);
  // The last byte of a blob on its way comes with its proof only.
  const end = Math.min(pieceEnd, size - 1);
  const bytes = Math.min(SAMPLE_BYTES, end - start);
  const at = randomInt(start, end - bytes + 1);
  return { start: at, end: at + bytes };
}
