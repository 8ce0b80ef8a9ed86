import type { Wanting } from "../books/member.ts";

/**
 * What a reader reads of one blob in a second, by what was measured of its host; 0 while that is unknown.
 *
 *     rate = the host's source rate / blobs it reads at once, with this one
 *
 * An image has many layers and a host reads several at once: a piece that takes four times as long because three others share the link is no
 * slow first byte, and no reason for long stripes and more connections. (Eight hosts, four layers: seconds after the start all that was left
 * was dealt to one reader, who had 4/3 of its link to send in the end.)
 */
export function readRate({ host, peer }: Wanting): number {
  const others = host.blobsRead - (peer.stripes > 0 ? 1 : 0);
  return host.fromSource.bytesPerSecond / (others + 1);
}
