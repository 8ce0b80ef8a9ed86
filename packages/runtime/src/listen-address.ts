import { isIPv6 } from "node:net";

/** Where a server listens: a name or IP address (IPv6 without brackets) and a port, 0 for one the system chooses. */
export type ListenAddress = { readonly host: string; readonly port: number };

const ADDRESS = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([A-Za-z0-9_](?:[A-Za-z0-9_.-]*)?)):([0-9]{1,5})$/;
const MAX_PORT = 65_535;

/** Reads `host:port` or `[IPv6]:port`; undefined where it is neither. */
export function parseListen(text: string): ListenAddress | undefined {
  const match = ADDRESS.exec(text);
  // Brackets are for IPv6 and nothing else: what is read has to be found again in what it is written as.
  const bracketed = match?.[1];
  if (bracketed !== undefined && !isIPv6(bracketed)) return undefined;
  const host = bracketed ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port > MAX_PORT ? undefined : { host, port };
}

/** Writes `host:port`, an IPv6 address in brackets. */
export function formatAddress(address: ListenAddress): string {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${String(address.port)}`;
}
