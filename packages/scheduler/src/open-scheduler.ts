import { join } from "node:path";
import { SCHEDULER_DIR } from "@darner/membership";
import type { Jobs } from "@darner/preheat";
import {
  createRegistry,
  formatAddress,
  openDataDir,
  openHealthServer,
  systemClock,
  VERSION,
  type Config,
  type Logger,
  type ReadyState,
  type Timers,
} from "@darner/runtime";
import { DEFAULT_LIMITS, type Scheduler } from "@darner/scheduler-core";
import { openSessionServer } from "./grpc/session-server.ts";
import { openCore } from "./journal/open-journal.ts";
import { openApiTokens } from "./http/api-tokens.ts";
import { Api } from "./http/api.ts";
import { hostRoutes } from "./http/host-routes.ts";
import { Matchmaker } from "./matchmaker.ts";
import { openMembers } from "./members/open-members.ts";
import { openPreheat } from "./preheat/open-preheat.ts";
import { PublicFacts } from "./public-facts.ts";
import { createSchedulerMetrics, type SchedulerCounts } from "./metrics.ts";

/** What a scheduler is given from outside. */
export type SchedulerDeps = {
  readonly log: Logger;
  readonly timers?: Timers;
  /** The time of day: milliseconds since 1970. */
  readonly wallClock?: () => number;
};

/** A scheduler that runs until it is disposed. */
export type RunningScheduler = AsyncDisposable & {
  /** Where daemons reach it, as `host:port`. */
  readonly grpc: string;
  /** Where its HTTP side listens. */
  readonly http: string;
  readonly jobs: Jobs;
};

/** Opens a scheduler. Rejects with `StartError` (exit code 2) where it cannot start. */
export async function openScheduler(config: Config, deps: SchedulerDeps): Promise<RunningScheduler> {
  const { log, timers = systemClock, wallClock = Date.now } = deps;
  await using births = new AsyncDisposableStack();
  const registry = createRegistry();
  const dir = join(config.dataDir, SCHEDULER_DIR);
  births.use(await openDataDir(dir, { purpose: "scheduler", version: VERSION, log }));
  const metrics = createSchedulerMetrics(registry, () => countsOf(core));
  const { maxReadersPerBlob, maxConnectionsPerRegistry, stripeSeconds } = config.source;
  const limits = { ...DEFAULT_LIMITS, maxReadersPerBlob, maxConnectionsPerRegistry, runMs: stripeSeconds * 1000 };
  const { core, driven, journal } = await openCore(limits, config.journal, { timers, log: log.child({ room: "journal" }) });
  if (journal !== undefined) births.use(journal);
  const matchmaker = births.use(
    new Matchmaker({
      core: driven,
      timers,
      log: log.child({ room: "scheduler" }),
      metrics,
      maxHosts: DEFAULT_LIMITS.maxHosts,
      name: config.name,
      version: VERSION,
      publicFacts: new PublicFacts(config.access, timers),
    }),
  );
  let state: ReadyState = { ready: false, reasons: ["daemons cannot connect yet"] };
  const apiTokens = await openApiTokens(dir, config.api.tokenFile, log);
  const api: { opened?: Api } = {};
  const http = births.use(
    await openHealthServer(config.listen.http, "listen.http", {
      registry,
      log,
      ready: () => state,
      otherwise: (request) => api.opened?.answer(request) ?? Promise.resolve(undefined),
    }),
  );
  const members = births.use(await openMembers(config, dir, { log: log.child({ room: "members" }), timers, metrics, wallClock }));
  api.opened = new Api(hostRoutes(members), apiTokens, log.child({ room: "api" }));
  const { door, tls } = members;
  const parts = { core, next: matchmaker, isSecure: tls !== undefined, timers, log: log.child({ room: "preheat" }) };
  const preheat = births.use(await openPreheat(config, dir, parts));
  const listener = members.before(preheat.listener);
  const server = { listen: config.listen.grpc, ...(tls === undefined ? {} : { tls }) };
  const grpc = births.use(await openSessionServer(server, { listener, door, timers }));
  state = { ready: true };
  log.info("scheduler ready", { grpc: grpc.address, http: formatAddress(http.address) });
  const lives = births.move();
  return { grpc: grpc.address, http: formatAddress(http.address), jobs: preheat.jobs, [Symbol.asyncDispose]: () => lives.disposeAsync() };
}

function countsOf(core: Scheduler): SchedulerCounts {
  const tasks = core.tasks();
  return { hosts: core.hosts().length, tasks: tasks.length, peers: tasks.reduce((sum, { waiting }) => sum + waiting, 0) };
}
