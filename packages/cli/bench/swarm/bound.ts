import { pieceLength } from "@darner/domain";
import type { SwarmCase } from "./swarm-case.ts";

// Of every packet: Ethernet (14, as the token bucket counts it), IP (20) and TCP with its timestamps (32).
const HEADER_BYTES = 66;
const TCP_IP_BYTES = 52;

/** The part of a link's rate that payload can have. */
export function goodput(mtu: number): number {
  return (mtu - TCP_IP_BYTES) / (mtu - TCP_IP_BYTES + HEADER_BYTES);
}

/** The formula of `boundSeconds`, for reports. */
export const BOUND_FORMULA = "max(S/R, S/B, N·S/(R + N·B)) + log2(N·B / max(R, B))·p/B";

/**
 * What no arrangement can undercut, in seconds: S bytes for N nodes with links of B both ways, a registry of R, pieces of p.
 * The registry must send everything once, each node must take everything in, and all that N nodes take in must be sent by N + 1 hosts; the
 * last piece then spreads by doubling from those that the registry can serve at once. For R = B this is S/B·(1 + log2(N)/P).
 */
export function boundSeconds({ nodes, rate, registryRate, mtu, layers, layerBytes }: SwarmCase): number {
  const payload = goodput(mtu) / 8;
  const [up, link] = [registryRate * payload, rate * payload];
  const size = layers * layerBytes;
  const flow = Math.max(size / up, size / link, (nodes * size) / (up + nodes * link));
  const doublings = Math.max(0, Math.log2((nodes * link) / Math.max(up, link)));
  return flow + (doublings * pieceLength(layerBytes)) / link;
}
