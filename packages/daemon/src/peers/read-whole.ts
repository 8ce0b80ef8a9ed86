import type { BlobReader } from "@darner/mirror";

/** Reads a small blob whole; `size` bytes or a rejection with the reader's failure. The caller has bounded `size`. */
export async function readWhole(reader: BlobReader, size: number, signal: AbortSignal): Promise<Uint8Array> {
  const close = (): void => {
    reader.close();
  };
  signal.addEventListener("abort", close, { once: true });
  try {
    const bytes = Buffer.allocUnsafe(size);
    let filled = 0;
    for (let lent = await reader.read(); lent !== undefined; lent = await reader.read()) {
      bytes.set(lent.bytes, filled);
      filled += lent.bytes.length;
      lent.release();
    }
    signal.throwIfAborted();
    return bytes;
  } finally {
    signal.removeEventListener("abort", close);
    reader.close();
  }
}
