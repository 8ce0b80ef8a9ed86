import type { Jobs, Scope } from "@darner/preheat";
import type { Config, ReadyState, Registry } from "@darner/runtime";
import type { Members } from "../members/open-members.ts";
import type { PreheatMetrics } from "../preheat/preheat-metrics.ts";
import { AskedJobs } from "./asked-jobs.ts";
import { dragonflyRoutes } from "./harbor/dragonfly-routes.ts";
import { krakenRoutes } from "./harbor/kraken-routes.ts";
import { legacyRoutes } from "./harbor/legacy-routes.ts";
import { healthRoutes } from "./health-routes.ts";
import { hostRoutes } from "./host-routes.ts";
import { blobRoutes, type Swarms } from "./native/blob-routes.ts";
import { jobRoutes } from "./native/job-routes.ts";
import { openApiOf } from "./native/openapi.ts";
import type { ApiRoute } from "./route.ts";

/** What the routes lead to. */
export type RouteParts = {
  readonly registry: Registry;
  readonly ready: () => ReadyState;
  readonly jobs: Jobs;
  readonly members: Pick<Members, "book" | "remove">;
  readonly core: Swarms;
  readonly metrics: Pick<PreheatMetrics, "refused">;
};

// What a registry's notification of a push warms.
const SCOPES: Readonly<Record<Config["api"]["notificationScope"], Scope>> = {
  single_seed_peer: { kind: "single-seed" },
  all_seed_peers: { kind: "all-seeds" },
  all_peers: { kind: "all-hosts" },
};

/** Every route of the scheduler's HTTP side. */
export function allRoutes({ api, registries }: Config, { registry, ready, jobs, members, metrics, core }: RouteParts): readonly ApiRoute[] {
  const asked = new AskedJobs(jobs, registries, metrics.refused);
  const native = [...jobRoutes(jobs, asked), ...hostRoutes(members), ...blobRoutes(core, members.book)];
  const document: ApiRoute = {
    method: "GET",
    path: "/api/v1/openapi.json",
    access: "token",
    face: "api",
    handle: () => ({ status: 200, body: openApiOf(native) }),
  };
  return [
    ...healthRoutes({ registry, ready, jobs }),
    ...dragonflyRoutes(jobs, asked),
    ...krakenRoutes(jobs, asked, SCOPES[api.notificationScope]),
    ...legacyRoutes(jobs, asked),
    ...native,
    document,
  ];
}
