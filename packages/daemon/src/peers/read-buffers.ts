// 256 KiB: half the CPU of 64 KiB a byte when served from the page cache, and no more latency (research/node-performance.md, 2).
const BUFFER_BYTES = 256 * 1024;
// 32 MiB of big buffers in all: enough for 64 responses with two in flight each.
const MAX_BUFFERS = 128;
// Above that, readers get small ones: a thousand slow clients with two each still stay within 32 MiB.
const SMALL_BYTES = 16 * 1024;

/** A buffer lent to a reader; to be given back once. */
export type ReadBuffer = { readonly bytes: Uint8Array; readonly release: () => void };

/** The buffers that readers fill from the store: pooled and bounded, so that memory does not grow with the number of readers. */
export class ReadBuffers {
  readonly #free: Uint8Array[] = [];
  #made = 0;

  take(): ReadBuffer {
    const bytes = this.#free.pop() ?? this.#make();
    if (bytes === undefined) return { bytes: Buffer.allocUnsafeSlow(SMALL_BYTES), release: () => undefined };
    let lent = true;
    return {
      bytes,
      release: () => {
        if (!lent) return;
        lent = false;
        this.#free.push(bytes);
      },
    };
  }

  #make(): Uint8Array | undefined {
    if (this.#made === MAX_BUFFERS) return undefined;
    this.#made += 1;
    return Buffer.allocUnsafeSlow(BUFFER_BYTES);
  }
}
