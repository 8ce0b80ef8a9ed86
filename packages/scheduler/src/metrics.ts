import type { JobState } from "@darner/preheat";
import { createCounter, Gauge, type Counter, type Registry } from "@darner/runtime";
import { createPreheatMetrics, type PreheatMetrics } from "./preheat/preheat-metrics.ts";
import type { SchedulerEffect, SchedulerEvent } from "@darner/scheduler-core";

/** What a scheduler counts. */
export type SchedulerMetrics = {
  readonly events: Counter<"event">;
  readonly effects: Counter<"effect">;
  readonly piecesGranted: Counter<"from">;
  readonly grantsFailed: Counter<"cause">;
  readonly apiRequests: Counter<"face" | "status">;
  readonly sessionsRefused: Counter<"reason">;
  readonly sessionsSlowed: Counter;
  readonly faults: Counter<"fault" | "blocked">;
  readonly joins: Counter<"outcome">;
  readonly forwarded: Counter<"question" | "outcome">;
  readonly preheat: PreheatMetrics;
};

/** How many of what a scheduler knows, counted when somebody asks for the metrics. */
export type SchedulerCounts = { readonly hosts: number; readonly tasks: number; readonly peers: number; readonly followers: number };

const NOTHING: SchedulerCounts = { hosts: 0, tasks: 0, peers: 0, followers: 0 };
const NO_JOBS = { pending: 0, running: 0, succeeded: 0, partial: 0, failed: 0, cancelled: 0 };

/** Makes the scheduler's metrics in a registry. */
export function createSchedulerMetrics(
  registry: Registry,
  counts: () => SchedulerCounts = () => NOTHING,
  jobs: () => Readonly<Record<JobState, number>> = () => NO_JOBS,
): SchedulerMetrics {
  const gauge = (of: keyof SchedulerCounts, help: string): void => {
    const collect = function (this: Gauge): void {
      this.set(counts()[of]);
    };
    new Gauge({ name: `darner_scheduler_${of}`, help, collect, registers: [registry] });
  };
  gauge("hosts", "Daemons with a live session.");
  gauge("tasks", "Blobs the scheduler knows a peer or a holder of.");
  gauge("followers", "Hosts that follow this scheduler; none while it is a standby.");
  gauge("peers", "Peers that want a blob now.");
  return {
    preheat: createPreheatMetrics(registry, jobs),
    events: createCounter(registry, "darner_scheduler_events_total", "What happened, by kind.", ["event"]),
    effects: createCounter(registry, "darner_scheduler_effects_total", "What the scheduler ordered, by kind.", ["effect"]),
    piecesGranted: createCounter(registry, "darner_scheduler_pieces_granted_total", "Pieces granted, by where they are to come from.", [
      "from",
    ]),
    apiRequests: createCounter(
      registry,
      "darner_scheduler_api_requests_total",
      "Requests to the HTTP side, by whose API they speak and what came of them.",
      ["face", "status"],
    ),
    grantsFailed: createCounter(registry, "darner_scheduler_grants_failed_total", "Grants that were not delivered, by cause.", ["cause"]),
    sessionsRefused: createCounter(registry, "darner_scheduler_sessions_refused_total", "Sessions the scheduler ended, by why.", [
      "reason",
    ]),
    sessionsSlowed: createCounter(
      registry,
      "darner_scheduler_sessions_slowed_total",
      "Sessions whose host said more than it may and is read more slowly.",
    ),
    faults: createCounter(
      registry,
      "darner_scheduler_faults_total",
      "Hosts and registries whose word or bytes were found to be wrong, by what they did and whether nothing is taken from them for a while.",
      ["fault", "blocked"],
    ),
    forwarded: createCounter(
      registry,
      "darner_scheduler_forwarded_total",
      "What was asked of other schedulers for the API, by what came of it: answered, absent.",
      ["question", "outcome"],
    ),
    joins: createCounter(
      registry,
      "darner_scheduler_joins_total",
      "Hosts at the door, by outcome: joined, known, or why they were not let in.",
      ["outcome"],
    ),
  };
}

/** Books one event and what it led to; the only place where core and metrics meet. */
export function recordStep(metrics: SchedulerMetrics, event: SchedulerEvent, effects: readonly SchedulerEffect[]): void {
  metrics.events.inc({ event: event.type });
  if (event.type === "grant-failed") metrics.grantsFailed.inc({ cause: event.failure.code });
  // One event may lead to thousands: what is alike is booked at once.
  const ofType = new Map<SchedulerEffect["type"], number>();
  const granted = { parent: 0, source: 0 };
  for (const effect of effects) {
    ofType.set(effect.type, (ofType.get(effect.type) ?? 0) + 1);
    if (effect.type === "name-fault") metrics.faults.inc({ fault: effect.fault, blocked: effect.blocked ? "yes" : "no" });
    if (effect.type === "grant-pieces") granted.parent += effect.run.count;
    if (effect.type === "grant-stripe") granted.source += effect.run.count;
  }
  for (const [effect, count] of ofType) metrics.effects.inc({ effect }, count);
  for (const from of ["parent", "source"] as const) if (granted[from] > 0) metrics.piecesGranted.inc({ from }, granted[from]);
}
