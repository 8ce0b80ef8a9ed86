import type { Repository } from "@darner/domain";
import { read, refuse } from "./problem.ts";
import type { Outcome } from "./problem.ts";
import { readNs } from "./query.ts";
import { readRegistry } from "./registry-name.ts";
import type { RegistryRules } from "./registry-name.ts";

/** Where a request belongs. `name` is absent for `/v2/`; `named` tells whether the client named the registry itself. */
export type Scope = { readonly registry: string; readonly name: string | undefined; readonly named: boolean };

/** A scope, or why there is none; `ns` is what to echo in `OCI-Namespace`, `refused` a registry name the operator may want to allow. */
export type ScopeOutcome = { readonly ns: string | undefined; readonly refused?: string; readonly scope: Outcome<Scope> };

/** The rules for names, and the registry of requests that name none. */
export type ScopeRules = RegistryRules & { readonly defaultRegistry: string | undefined };

// distribution-spec: clients cap host, "/" and name together at 255.
const MAX_REFERENCE_CHARS = 255;
const DOCKER_HUB = "docker.io";

/** Finds registry and repository of a request (contract 1.10 and 2.9; cases 9, 12–18). */
export function readScope(query: string, name: string | undefined, rules: ScopeRules): ScopeOutcome {
  const ns = readNs(query);
  if (!ns.ok) return { ns: undefined, scope: ns };
  if (ns.value !== undefined) return scopeOfNs(ns.value, name, rules);
  const prefix = name === undefined ? undefined : prefixOf(name, rules);
  if (prefix !== undefined) {
    const registry = readRegistry(prefix.registry, rules);
    if (!registry.ok) return { ns: undefined, refused: prefix.registry, scope: registry };
    return { ns: undefined, scope: withinBounds(registry.value, prefix.rest, true) };
  }
  if (rules.defaultRegistry === undefined) {
    return { ns: undefined, scope: refuse(404, "NAME_UNKNOWN", "the request names no registry (ns) and none is configured as default") };
  }
  if (!rules.allow(rules.defaultRegistry)) {
    return { ns: undefined, scope: refuse(404, "NAME_UNKNOWN", "the request names no registry (ns) and the default one is not allowed") };
  }
  return { ns: undefined, scope: withinBounds(rules.defaultRegistry, name, false) };
}

function scopeOfNs(ns: string, name: string | undefined, rules: ScopeRules): ScopeOutcome {
  const registry = readRegistry(ns, rules);
  if (!registry.ok) {
    // A malformed value must not come back in a header, and there is nothing in it that could be allowed.
    return registry.problem.status === 400 ? { ns: undefined, scope: registry } : { ns, refused: ns, scope: registry };
  }
  const prefix = name === undefined ? undefined : prefixOf(name, rules);
  if (prefix === undefined) return { ns, scope: withinBounds(registry.value, name, true) };
  const ofPrefix = readRegistry(prefix.registry, { ...rules, allow: () => true });
  if (ofPrefix.ok && ofPrefix.value === registry.value) return { ns, scope: withinBounds(registry.value, prefix.rest, true) };
  // A listed registry may really have such a repository: Harbor's proxy projects are often called `docker.io`.
  if (rules.listed.has(registry.value)) return { ns, scope: withinBounds(registry.value, name, true) };
  return { ns, scope: refuse(400, "NAME_INVALID", "ns and the registry at the head of the path differ") };
}

/**
 * The registry in the first segment of a name, as podman and CRI-O send it (`docker.io/library/x`): a host with a dot. A port cannot
 * stand in a name, so `host_port` means `host:port`; without a dot only where the operator listed that registry.
 */
function prefixOf(name: string, rules: RegistryRules): { readonly registry: string; readonly rest: string } | undefined {
  const slash = name.indexOf("/");
  if (slash < 0) return undefined;
  const head = name.slice(0, slash);
  const rest = name.slice(slash + 1);
  const alias = /^([^_]+)_([0-9]{1,5})$/.exec(head);
  const [, host = "", port = ""] = alias ?? [];
  if (alias !== null && (host.includes(".") || rules.listed.has(`${host}:${port}`))) return { registry: `${host}:${port}`, rest };
  return head.includes(".") && !head.includes("_") ? { registry: head, rest } : undefined;
}

function withinBounds(registry: string, name: string | undefined, named: boolean): Outcome<Scope> {
  if (name === undefined) return read({ registry, name, named });
  const full = registry === DOCKER_HUB && !name.includes("/") ? `library/${name}` : name;
  if (registry.length + 1 + full.length > MAX_REFERENCE_CHARS) {
    return refuse(404, "NAME_INVALID", `registry and name together are longer than ${String(MAX_REFERENCE_CHARS)} characters`);
  }
  return read({ registry, name: full, named });
}

/** The repository of a scope that has one. */
export function repositoryOf(scope: Scope): Repository {
  return { registry: scope.registry, name: scope.name ?? "" };
}
