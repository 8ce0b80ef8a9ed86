import { isIPv6 } from "node:net";
import { formatAddress, parseListen } from "@darner/runtime";

/**
 * The address other hosts reach a daemon at: what it said, or, where it said only a port, that port at the host it was seen at
 * (`seenAt`: address and port as gRPC writes them, an IPv6 address without brackets). Undefined where that is no address to dial.
 */
export function reachableAddress(said: string, seenAt: string): string | undefined {
  const port = /^:([0-9]{1,5})$/.exec(said)?.[1];
  const address = port === undefined ? said : formatAddress({ host: hostOf(seenAt), port: Number(port) });
  const parsed = parseListen(address);
  return parsed === undefined || parsed.port === 0 ? undefined : formatAddress(parsed);
}

/** The host of an address as gRPC writes it. */
export function hostOf(seenAt: string): string {
  const host = isIPv6(seenAt) ? seenAt : seenAt.slice(0, Math.max(0, seenAt.lastIndexOf(":")));
  // An IPv4 host on a socket that takes both kinds.
  return host.replace(/^::ffff:(?=[0-9.]+$)/i, "");
}
