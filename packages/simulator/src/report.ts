import { pieceCount } from "@darner/domain";
import type { Scenario } from "./scenario.ts";

/** What one simulation showed. */
export type Report = {
  readonly scenario: string;
  readonly seed: number;
  /** Hash over every event and effect: the same seed gives the same one. */
  readonly trace: string;
  /** Pulls that ended well, and those that did not, by reason. */
  readonly completed: number;
  readonly failures: readonly { readonly host: number; readonly reason: string }[];
  /** When the last pull ended, since it began; milliseconds. */
  readonly lastMs: number;
  /** The median of the same. */
  readonly medianMs: number;
  /** `lastMs` against S/B · (1 + log2(N)/P), for pulls that began together. */
  readonly boundRatio: number;
  readonly sourceBytes: number;
  /** Source bytes against the bytes of all blobs. */
  readonly sourceCopies: number;
  readonly sourceRequests: number;
  /** Pieces asked of the source, by cause. */
  readonly sourcePieces: Readonly<Record<string, number>>;
  /** The most any host sent to others, in copies of all blobs. */
  readonly mostUploadedCopies: number;
  readonly schedulerMessages: number;
  /** Messages to and from the scheduler for each piece that some host had to get. */
  readonly messagesPerPiece: number;
};

/**
 * The least time in which N hosts can have blobs of together S bytes over links of rate B, from a source of rate B:
 *
 *     S / B · (1 + log2(N) / P)
 */
export function lowerBoundMs({ blobBytes, hosts, upBytesPerSecond, downBytesPerSecond, source }: Scenario): number {
  const bytes = blobBytes.reduce((sum, each) => sum + each, 0);
  const pieces = blobBytes.reduce((sum, each) => sum + pieceCount(each), 0);
  const rate = Math.min(upBytesPerSecond, downBytesPerSecond, source.bytesPerSecond);
  return ((bytes * 1000) / rate) * (1 + Math.log2(hosts) / Math.max(1, pieces));
}
