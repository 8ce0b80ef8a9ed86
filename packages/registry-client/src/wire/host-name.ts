import { RegistryError } from "../registry-error.ts";

/** The error for a host that is not dialled. */
export function hostRefused(host: string, reason: string): RegistryError {
  return new RegistryError({ code: "host-refused", host, reason }, `${host} is not dialled: ${reason}`);
}

/** Why a host is not dialled that the operator forbade. */
export const DENIED = "mirror.deny forbids it";

/** A URL's host name without the brackets of an IPv6 address. */
export function bareHostname(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

/** Whether a name belongs to this machine or this network by its form: no dot, or a suffix that public DNS never serves. */
export function isLocalName(hostname: string): boolean {
  return !hostname.includes(".") || hostname.endsWith(".") || /\.(?:localhost|localdomain|local|internal|svc|arpa)$/.test(hostname);
}
