import type { DaemonMetrics } from "./metrics.ts";
import { WrongBytesBook, type WrongBytes } from "./wrong-bytes.ts";

/** Where verified bytes came from: the source, another host, or this host's own disk (served again). */
export type ByteOrigin = "source" | "parent" | "disk";

/** Counts bytes twice: for the metrics, and as plain numbers for the status. */
export class Books {
  readonly #metrics: DaemonMetrics;
  readonly #wrong = new WrongBytesBook();
  readonly #bytes = { source: 0, parent: 0, disk: 0, uploaded: 0 };

  constructor(metrics: DaemonMetrics) {
    this.#metrics = metrics;
  }

  /** Verified bytes arrived, or were served again from disk. */
  received(from: ByteOrigin, bytes: number): void {
    this.#bytes[from] += bytes;
    this.#metrics.bytes.inc({ from }, bytes);
  }

  /** Piece bytes went out to another host. */
  uploaded(bytes: number): void {
    this.#bytes.uploaded += bytes;
    this.#metrics.uploadBytes.inc(bytes);
  }

  /** Something was found to be wrong; `who`: the host, the registry or the path it came from. */
  wrongBytes(what: WrongBytes, who: string, digest: string): void {
    this.#metrics.wrongBytes.inc({ what });
    this.#wrong.note(what, who, digest, Date.now());
  }

  /** The latest cases of wrong bytes. */
  wrong(): ReturnType<WrongBytesBook["rows"]> {
    return this.#wrong.rows();
  }

  /** The totals since the start. */
  bytes(): Readonly<Record<ByteOrigin | "uploaded", number>> {
    return { ...this.#bytes };
  }
}
