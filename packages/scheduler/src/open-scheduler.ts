import { join } from "node:path";
import { SCHEDULER_DIR } from "@darner/membership";
import type { Jobs } from "@darner/preheat";
import { createRegistry, openDataDir, systemClock, VERSION, type Config, type Logger, type ReadyState, type Timers } from "@darner/runtime";
import { DEFAULT_LIMITS, type Scheduler, type SchedulerLimits } from "@darner/scheduler-core";
import { openSharedKeys, tellFingerprint } from "./cluster/shared-keys.ts";
import { openSessionServer } from "./grpc/session-server.ts";
import { openCore } from "./journal/open-journal.ts";
import { openApiTokens } from "./http/api-tokens.ts";
import { allRoutes } from "./http/all-routes.ts";
import { openHttp } from "./http/open-http.ts";
import { Matchmaker } from "./matchmaker.ts";
import { openMembers } from "./members/open-members.ts";
import { openPreheat } from "./preheat/open-preheat.ts";
import { startSchedules } from "./preheat/schedules.ts";
import { openSiblings } from "./siblings/open-siblings.ts";
import { PublicFacts } from "./public-facts.ts";
import { createSchedulerMetrics, type SchedulerCounts } from "./metrics.ts";

/** What a scheduler is given from outside. */
export type SchedulerDeps = {
  readonly log: Logger;
  readonly timers?: Timers;
  /** The time of day: milliseconds since 1970. */
  readonly wallClock?: () => number;
  /** Told whenever a daemon says something: the process is at work. */
  readonly onWork?: () => void;
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
  const { log, timers = systemClock, wallClock = Date.now, onWork } = deps;
  await using births = new AsyncDisposableStack();
  const registry = createRegistry();
  const dir = join(config.dataDir, SCHEDULER_DIR);
  births.use(await openDataDir(dir, { purpose: "scheduler", version: VERSION, log }));
  const metrics = createSchedulerMetrics(
    registry,
    () => countsOf(core, matchmaker),
    () => preheat.counts(),
  );
  const { core, driven, journal } = await openCore(limitsOf(config), config.journal, { timers, log: log.child({ room: "journal" }) });
  if (journal !== undefined) births.use(journal);
  const matchmaker = births.use(
    new Matchmaker({
      core: driven,
      timers,
      log: log.child({ room: "scheduler" }),
      metrics,
      maxHosts: DEFAULT_LIMITS.maxHosts,
      expectedHosts: () => members.knownAtStart,
      name: config.name,
      version: VERSION,
      publicFacts: new PublicFacts(config.access, timers),
    }),
  );
  let state: ReadyState = { ready: false, reasons: ["daemons cannot connect yet"] };
  const sharing = { log: log.child({ room: "cluster" }), timers };
  births.use(await openSharedKeys(config, dir, sharing));
  const members = births.use(await openMembers(config, dir, { log: log.child({ room: "members" }), timers, metrics, wallClock }));
  const { door, tls } = members;
  if (members.signingKey !== undefined) births.use(tellFingerprint(config, members.signingKey.publicKey, sharing));
  const parts = {
    core,
    next: matchmaker,
    isSecure: tls !== undefined,
    timers,
    metrics: metrics.preheat,
    log: log.child({ room: "preheat" }),
  };
  const preheat = births.use(await openPreheat(config, dir, parts));
  const tokens = await openApiTokens(dir, config.api, log);
  const known = { preheat, standing: matchmaker.standing, signingKey: members.signingKey, tokens };
  const siblings = births.use(openSiblings(config, known, { timers, metrics, log: log.child({ room: "siblings" }) }));
  const { jobs } = siblings;
  const routes = allRoutes(config, { registry, ready: () => state, jobs, members, core, metrics: metrics.preheat });
  const http = births.use(await openHttp(config, { routes, tokens, log: log.child({ room: "api" }), requests: metrics.apiRequests }));
  const isActive = (): boolean => !matchmaker.standing.isStandby;
  births.use(startSchedules(config.preheat.schedules, { jobs: preheat.jobs, log: log.child({ room: "schedule" }), isActive }));
  const server = { listen: config.listen.grpc, services: [siblings.service], ...(tls === undefined ? {} : { tls }) };
  const grpc = births.use(await openSessionServer(server, { listener: members.before(preheat.listener), door, timers, onWork }));
  siblings.start();
  // The first to go: with every session that ends a core that still hears would find new parents for hosts that are all about to leave.
  births.use(matchmaker);
  state = { ready: true };
  log.info("scheduler ready", { grpc: grpc.address, http: http.address });
  const lives = births.move();
  return { grpc: grpc.address, http: http.address, jobs, [Symbol.asyncDispose]: () => lives.disposeAsync() };
}

function limitsOf({ source: { stripeSeconds, ...bounds } }: Config): SchedulerLimits {
  return { ...DEFAULT_LIMITS, ...bounds, runMs: stripeSeconds * 1000 };
}

function countsOf(core: Scheduler, { standing }: Matchmaker): SchedulerCounts {
  const tasks = core.tasks();
  return {
    hosts: core.hosts().length,
    tasks: tasks.length,
    peers: tasks.reduce((sum, { waiting }) => sum + waiting, 0),
    followers: standing.followers,
  };
}
