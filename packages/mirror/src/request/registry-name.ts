import { isRegistryHost, normalRegistry } from "@darner/domain";
import { read, refuse } from "./problem.ts";
import type { Outcome } from "./problem.ts";

/** What decides which registry names a request may carry. */
export type RegistryRules = {
  readonly allow: (registry: string) => boolean;
  /** Names the operator listed, normalised. */
  readonly listed: ReadonlySet<string>;
  /** Whether `host:port` is this mirror itself. */
  readonly isOwn: (host: string) => boolean;
};

/** Names that mean this machine or the inside of a cluster or cloud, whatever they resolve to (case 13). */
const INSIDE = ["localhost", "local", "internal", "svc", "metadata", "instance-data", "localdomain", "arpa"];

/** Checks a registry name that came from outside (contract 1.10; cases 13–17) and gives its one normal form. */
export function readRegistry(name: string, rules: RegistryRules): Outcome<string> {
  const registry = normalRegistry(name);
  const isListed = rules.listed.has(registry);
  if (!isListed && !isRegistryHost(name)) return refuse(400, "NAME_INVALID", "ns is not a registry name: host or host:port in lower case");
  if (rules.isOwn(name)) return refuse(404, "NAME_UNKNOWN", "ns names this mirror itself");
  if (!isListed && isInside(name)) return refuse(404, "NAME_UNKNOWN", refusedText(name, "addresses and internal names have to be listed"));
  if (!rules.allow(registry)) return refuse(404, "NAME_UNKNOWN", refusedText(name, "mirror.allow does not match it"));
  return read(registry);
}

function refusedText(name: string, reason: string): string {
  return `${name} is not mirrored here: ${reason}`;
}

/** Whether a host is an address in any spelling (`127.1`, `0x7f.1`, `2130706433`) or an internal name. */
function isInside(name: string): boolean {
  const host = name.replace(/:[0-9]+$/, "");
  const last = host.slice(host.lastIndexOf(".") + 1);
  // The rule of the URL standard ("ends in a number"): such a host is an IPv4 address to every resolver.
  return /^(?:[0-9]+|0x[0-9a-f]*)$/.test(last) || INSIDE.includes(last);
}
