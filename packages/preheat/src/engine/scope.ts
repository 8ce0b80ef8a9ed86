import type { Scope } from "../job-request.ts";
import type { LiveHost } from "./live-host.ts";

/** The hosts that are to hold a job's images, the first the most suitable; empty where none fits now. */
export function hostsOf(scope: Scope, live: readonly LiveHost[]): readonly LiveHost[] {
  const hosts = [...live].sort(byId);
  const seeds = hosts.filter(({ seed }) => seed);
  switch (scope.kind) {
    case "single-seed":
      return (seeds.length > 0 ? seeds : hosts).slice(0, 1);
    case "all-seeds":
      return seeds.length > 0 ? seeds : hosts.slice(0, 1);
    case "all-hosts":
      return hosts;
    case "hosts":
      return counted(
        scope,
        hosts.filter((host) => meets(host, scope)),
      );
  }
}

/** Whether hosts that join while a job runs are to hold its images as well. */
export function takesNewcomers(scope: Scope): boolean {
  return scope.kind === "all-hosts" || (scope.kind === "hosts" && scope.count === undefined && scope.percent === undefined);
}

type HostsScope = Extract<Scope, { readonly kind: "hosts" }>;

function meets({ host, name, ip, zone, labels }: LiveHost, { zones, names, labels: wanted }: HostsScope): boolean {
  if (zones !== undefined && !zones.some((prefix) => zone === prefix || zone.startsWith(`${prefix}/`))) return false;
  if (names !== undefined && !names.some((one) => one === name || one === ip || one === host)) return false;
  return Object.entries(wanted ?? {}).every(([key, value]) => labels[key] === value);
}

/** `count` goes before `percent`; both take what is there, and a percentage at least one. */
function counted({ count, percent }: HostsScope, hosts: readonly LiveHost[]): readonly LiveHost[] {
  if (count !== undefined) return spread(hosts, count);
  if (percent !== undefined) return spread(hosts, Math.max(1, Math.floor((hosts.length * percent) / 100)));
  return hosts;
}

/** Seeds first, then one host of each zone in turn, so that a few hosts serve many. */
function spread(hosts: readonly LiveHost[], count: number): readonly LiveHost[] {
  const zones = new Map<string, LiveHost[]>();
  for (const host of [...hosts].sort((a, b) => Number(b.seed) - Number(a.seed)))
    zones.set(host.zone, [...(zones.get(host.zone) ?? []), host]);
  const chosen: LiveHost[] = [];
  for (let round = 0; chosen.length < Math.min(count, hosts.length); round += 1) {
    for (const inZone of zones.values()) {
      const next = inZone[round];
      if (next !== undefined && chosen.length < count) chosen.push(next);
    }
  }
  return chosen;
}

function byId(a: LiveHost, b: LiveHost): number {
  return a.host < b.host ? -1 : a.host > b.host ? 1 : 0;
}
