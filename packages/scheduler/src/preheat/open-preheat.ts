import type { Jobs, JobState } from "@darner/preheat";
import { ImagePatterns, openKeychain, openRegistryClient, registryConfigOf } from "@darner/registry-client";
import type { Config, Logger, Timers } from "@darner/runtime";
import type { Scheduler } from "@darner/scheduler-core";
import type { SessionListener } from "../grpc/session.ts";
import { JobStore, REPLICAS } from "../job-store/job-store.ts";
import type { PreheatMetrics } from "./preheat-metrics.ts";
import { PreheatJobs } from "./preheat-jobs.ts";
import { WarmDesk } from "./warm-desk.ts";

/** What preheat is put together from. */
export type PreheatParts = {
  readonly core: Pick<Scheduler, "holds">;
  /** Who hears the sessions after preheat did. */
  readonly next: SessionListener;
  /** Whether sessions are encrypted and for members only. */
  readonly isSecure: boolean;
  readonly timers: Timers;
  readonly metrics: PreheatMetrics;
  readonly log: Logger;
};

/** Preheat jobs of a scheduler. */
export type Preheat = AsyncDisposable & {
  readonly jobs: Jobs;
  readonly listener: SessionListener;
  /** Where the ids of its jobs come from. */
  readonly ids: Pick<JobStore, "next" | "goOnFrom">;
  /** How many jobs there are in each state. */
  counts(): Readonly<Record<JobState, number>>;
  /** What they carry. */
  readonly ordinal: number;
  /** Milliseconds since the epoch, never going back. */
  readonly wallNow: () => number;
};

/** Opens the job store in the scheduler's directory and goes on with the jobs that were open. Rejects with `StartError`. */
export async function openPreheat(config: Config, dir: string, parts: PreheatParts): Promise<Preheat> {
  const { core, next, isSecure, timers, metrics, log } = parts;
  await using births = new AsyncDisposableStack();
  const ordinal = ordinalOf(config);
  const keep = { dataDir: dir, ordinal, keepMs: config.jobs.keepSeconds * 1000 };
  const store = births.use(await JobStore.open(keep, log));
  const keychain = await openKeychain(config.credentials, { log: log.child({ room: "keychain" }), timers, env: process.env });
  const patterns = new ImagePatterns(config.mirror.allow, config.mirror.deny);
  const client = openRegistryClient(await registryConfigOf(config, patterns), { log: log.child({ room: "registry-client" }), keychain });
  births.defer(() => client.close());
  const desk = new WarmDesk(next, {
    core,
    isSecure,
    log,
    post: (event) => {
      jobs.post(event);
    },
  });
  // The time of day at the start, and from there on a clock that nobody sets.
  const wallNow = (): number => Math.round(performance.timeOrigin + timers.now());
  const isPlain = (registry: string): boolean => config.registries[registry]?.plainHttp === true;
  const jobs = births.use(new PreheatJobs({ store, client, swarm: desk, timers, wallNow, log, metrics, isPlain }));
  jobs.start();
  const lives = births.move();
  return {
    jobs,
    listener: desk,
    ids: store,
    counts: () => store.counts(),
    ordinal,
    wallNow,
    [Symbol.asyncDispose]: () => lives.disposeAsync(),
  };
}

/** Which of several schedulers this is: as configured, else as a StatefulSet numbers its pods. */
function ordinalOf({ jobs, name }: Config): number {
  return jobs.ordinal ?? Number(/-([0-9]{1,6})$/.exec(name)?.[1] ?? 0) % REPLICAS;
}
