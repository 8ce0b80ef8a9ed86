import { pieceCount } from "@darner/domain";
import type { Scenario } from "../scenario.ts";

/**
 * The least time in which N hosts can have blobs of together S bytes in P pieces:
 *
 *     max( S / source,  S / down,  N · S / (source + N · up) )  +  S / P · log2(N) / min(up, down)
 *
 * The source sends each byte at least once, every host takes each byte once, all links together carry every copy; and while the
 * first hosts have the last piece at the end of that time, each doubling of those who have it takes one piece time more.
 * With equal links of rate B this is S / B · (1 + log2(N) / P).
 */
export function lowerBoundMs({ blobBytes, hosts, upBytesPerSecond: up, downBytesPerSecond: down, source }: Scenario): number {
  const bytes = blobBytes.reduce((sum, each) => sum + each, 0);
  const pieces = blobBytes.reduce((sum, each) => sum + pieceCount(each), 0);
  const seconds = Math.max(bytes / source.bytesPerSecond, bytes / down, (hosts * bytes) / (source.bytesPerSecond + hosts * up));
  const pieceSeconds = bytes / Math.max(1, pieces) / Math.min(up, down);
  return 1000 * (seconds + Math.log2(hosts) * pieceSeconds);
}
