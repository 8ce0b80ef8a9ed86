import { pieceCount } from "@darner/domain";
import type { Scenario } from "../scenario.ts";

/** The blobs of the image that a host pulls, by number. */
export function imageOf({ images, blobBytes }: Scenario, host: number): readonly number[] {
  return images?.[host % images.length] ?? blobBytes.map((_, blob) => blob);
}

/** The bytes of the image that a host pulls. */
export function imageBytes(scenario: Scenario, host: number): number {
  return imageOf(scenario, host).reduce((sum, blob) => sum + (scenario.blobBytes[blob] ?? 0), 0);
}

/**
 * The least time in which N hosts can have what they pull: all blobs are together A bytes, each host wants S of them in P pieces.
 *
 *     max( A / source,  S / down,  N · S / (source + Σ up),  S / rack )  +  S / P · log2(N) / min(up, down)  +  latencies · latency
 *
 *     latencies = 2 to the scheduler and back, 2 to the source and back, 1 from a reader to another host
 *
 * The source sends each byte at least once, every host takes each byte once, all links together carry every copy, each as fast as it
 * sends (Σ up: hosts that send slower count for less), and each rack takes each byte once; and while the first hosts have the last piece
 * at the end of that time, each doubling of those who have it takes one piece time more. Latency beyond these five can overlap with
 * something. With equal links of rate B and one image this is S / B · (1 + log2(N) / P), and the latencies.
 */
export function lowerBoundMs(scenario: Scenario): number {
  const { blobBytes, hosts, upBytesPerSecond: up, downBytesPerSecond: down, source, racks } = scenario;
  const all = blobBytes.reduce((sum, each) => sum + each, 0);
  const bytes = imageBytes(scenario, 0);
  const pieces = imageOf(scenario, 0).reduce((sum, blob) => sum + pieceCount(blobBytes[blob] ?? 0), 0);
  const seconds = Math.max(
    all / source.bytesPerSecond,
    bytes / down,
    (hosts * bytes) / (source.bytesPerSecond + totalUp(scenario)),
    racks === undefined ? 0 : bytes / racks.bytesPerSecond,
  );
  const pieceSeconds = bytes / Math.max(1, pieces) / Math.min(up, down);
  return 1000 * (seconds + Math.log2(hosts) * pieceSeconds) + latenciesOf(scenario) * scenario.latencyMs;
}

/** What all hosts can send together, in bytes per second. */
function totalUp({ hosts, upBytesPerSecond, slow }: Scenario): number {
  if (slow === undefined) return hosts * upBytesPerSecond;
  const slowHosts = "hosts" in slow.who ? slow.who.hosts.length : Math.round(slow.who.share * hosts);
  return (hosts - slowHosts) * upBytesPerSecond + slowHosts * slow.upBytesPerSecond;
}

function latenciesOf({ schedulers, hosts }: Scenario): number {
  return (schedulers > 0 ? 2 : 0) + 2 + (hosts > 1 ? 1 : 0);
}
