import type { Jobs } from "@darner/preheat";
import type { ReadyState, Registry } from "@darner/runtime";
import { problem, type ApiAnswer, type ApiRoute } from "./route.ts";

/** What the health routes tell. */
export type HealthParts = { readonly registry: Registry; readonly ready: () => ReadyState; readonly jobs: Pick<Jobs, "readiness"> };

/**
 * `/livez`, `/readyz` and `/metrics` for Kubernetes and Prometheus, and what Harbor asks before a preheat: `/healthy` (Dragonfly),
 * `/health` (Kraken), `/_ping` (Dragonfly 1). Those say whether a preheat could do anything now, and refuse a token that is wrong:
 * an admin who tests the connection is to hear of it there (contracts/harbor-preheat.md 6.2).
 */
export function healthRoutes({ registry, ready, jobs }: HealthParts): readonly ApiRoute[] {
  const canPreheat = (ok: ApiAnswer) => (): ApiAnswer => {
    const state = jobs.readiness();
    return state.ready ? ok : problem(503, `no preheat can be done now: ${state.why}`);
  };
  const open = { method: "GET", access: "open", face: "health" } as const;
  const checked = { method: "GET", access: "checked", face: "health" } as const;
  return [
    { ...open, path: "/livez", handle: () => ({ status: 200, text: "ok\n" }) },
    { ...open, path: "/readyz", handle: () => ({ status: ready().ready ? 200 : 503, body: ready() }) },
    {
      ...open,
      path: "/metrics",
      handle: async () => ({ status: 200, text: await registry.metrics(), contentType: registry.contentType }),
    },
    { ...checked, path: "/healthy", handle: canPreheat({ status: 200, body: "OK" }) },
    { ...checked, path: "/health", handle: canPreheat({ status: 200, text: "OK\n" }) },
    { ...checked, path: "/_ping", handle: canPreheat({ status: 200, text: "OK\n" }) },
  ];
}
