import type { ByteRange } from "@darner/domain";
import type { BlobReader, OpenBlob } from "@darner/mirror";

/** What came out of a reader: its bytes, and the error it ended with, if it did not end well. */
export type ReadOut = { readonly bytes: Buffer; readonly error?: unknown };

/** Reads a reader to its end, however it ends. */
export async function readOut(reader: BlobReader): Promise<ReadOut> {
  const parts: Buffer[] = [];
  try {
    for (let lent = await reader.read(); lent !== undefined; lent = await reader.read()) {
      parts.push(Buffer.from(lent.bytes));
      lent.release();
    }
    return { bytes: Buffer.concat(parts) };
  } catch (error) {
    return { bytes: Buffer.concat(parts), error };
  } finally {
    reader.close();
  }
}

/** Reads a blob (or a range of it) to its end and closes it; rejects where it ends short. */
export async function readAll(blob: OpenBlob, range?: ByteRange): Promise<Buffer> {
  const refused = await blob.ready(range);
  if (refused !== undefined) throw new Error(`refused with ${String(refused.status)}: ${refused.message}`);
  const { bytes, error } = await readOut(blob.read(range));
  blob.close();
  if (error !== undefined) throw error as Error;
  return bytes;
}
