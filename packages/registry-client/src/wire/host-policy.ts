import { lookup as systemLookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { LookupFunction } from "node:net";
import type { RegistryClientDeps, ResolvedAddress } from "../config.ts";
import { classifyAddress, type AddressClass } from "./address.ts";
import { bareHostname, DENIED, hostRefused, isLocalName } from "./host-name.ts";
import type { Upstream } from "./upstream.ts";

/** Which addresses a host may be dialled at. */
export type DialPermission = { readonly private: boolean; readonly loopback: boolean };

/**
 * Says at which addresses `url` may be dialled on behalf of a registry; rejects with `host-refused` where at none.
 * Asked for every hop: the registry, each redirect, each token realm (design.md section 4, "Which upstreams").
 */
export function dialPermission(upstream: Upstream, url: URL): DialPermission {
  const listed = upstream.lists(url);
  const hostname = bareHostname(url);
  const literal = isIP(hostname) !== 0;
  if (upstream.denies(url)) throw hostRefused(url.host, DENIED);
  if (!listed && !isWebPort(url)) throw hostRefused(url.host, "a system port other than 80 and 443 has to be listed under registries");
  if (!listed && literal) throw hostRefused(url.host, "an IP address has to be listed under registries");
  if (!listed && isLocalName(hostname)) throw hostRefused(url.host, "a local name has to be listed under registries");
  const permission = { private: listed, loopback: listed && (literal || hostname === "localhost") };
  if (literal && !mayDial(classifyAddress(hostname), permission)) throw hostRefused(url.host, "this address is never dialled");
  return permission;
}

/** Whether a port may be a registry's: mail, shells and the like live below 1024, and a request is a message to them. */
function isWebPort({ port }: URL): boolean {
  return port === "" || port === "80" || port === "443" || Number(port) >= 1024;
}

/** A lookup for `net.connect` that hands out checked addresses only, so that the checked address is the one dialled. */
export function checkedLookup(
  host: string,
  permission: DialPermission,
  resolve: NonNullable<RegistryClientDeps["lookup"]>,
): LookupFunction {
  return (hostname, options, callback) => {
    const answer = (addresses: readonly ResolvedAddress[]): void => {
      const [first] = addresses;
      if (options.all === true) callback(null, [...addresses]);
      else callback(null, first?.address ?? "", first?.family);
    };
    resolve(hostname)
      .then((addresses) => permitted(host, addresses, permission))
      .then(answer, (error: unknown) => {
        callback(error instanceof Error ? error : new Error(String(error)), []);
      });
  };
}

/** The system's resolver, all addresses in its order. */
export function resolveBySystem(hostname: string): Promise<readonly ResolvedAddress[]> {
  return systemLookup(hostname, { all: true });
}

function permitted(host: string, addresses: readonly ResolvedAddress[], permission: DialPermission): readonly ResolvedAddress[] {
  const good = addresses.filter(({ address }) => mayDial(classifyAddress(address), permission));
  if (good.length > 0) return good;
  const kinds = [...new Set(addresses.map(({ address }) => classifyAddress(address)))].join(", ");
  throw hostRefused(host, kinds === "" ? "it resolves to no address" : `it resolves to a ${kinds} address`);
}

function mayDial(kind: AddressClass, permission: DialPermission): boolean {
  switch (kind) {
    case "public":
      return true;
    case "private":
      return permission.private;
    case "loopback":
      return permission.loopback;
    case "forbidden":
      return false;
  }
}
