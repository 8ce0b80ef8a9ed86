import { createCounter, createGauge, type Counter, type Gauge, type Registry } from "@darner/runtime";
import type { SchedulerEffect, SchedulerEvent } from "@darner/scheduler-core";

/** What a scheduler counts. */
export type SchedulerMetrics = {
  readonly hosts: Gauge;
  readonly tasks: Gauge;
  readonly peers: Gauge;
  readonly events: Counter<"event">;
  readonly effects: Counter<"effect">;
  readonly piecesGranted: Counter<"from">;
  readonly grantsFailed: Counter<"cause">;
};

/** Makes the scheduler's metrics in a registry. */
export function createSchedulerMetrics(registry: Registry): SchedulerMetrics {
  return {
    hosts: createGauge(registry, "darner_scheduler_hosts", "Daemons with a live session."),
    tasks: createGauge(registry, "darner_scheduler_tasks", "Blobs the scheduler knows a peer or a holder of."),
    peers: createGauge(registry, "darner_scheduler_peers", "Peers that want a blob now."),
    events: createCounter(registry, "darner_scheduler_events_total", "What happened, by kind.", ["event"]),
    effects: createCounter(registry, "darner_scheduler_effects_total", "What the scheduler ordered, by kind.", ["effect"]),
    piecesGranted: createCounter(registry, "darner_scheduler_pieces_granted_total", "Pieces granted, by where they are to come from.", ["from"]),
    grantsFailed: createCounter(registry, "darner_scheduler_grants_failed_total", "Grants that were not delivered, by cause.", ["cause"]),
  };
}

/** Books one event and what it led to; the only place where core and metrics meet. */
export function recordStep(metrics: SchedulerMetrics, event: SchedulerEvent, effects: readonly SchedulerEffect[]): void {
  metrics.events.inc({ event: event.type });
  if (event.type === "grant-failed") metrics.grantsFailed.inc({ cause: event.failure.code });
  for (const effect of effects) {
    metrics.effects.inc({ effect: effect.type });
    if (effect.type === "grant-pieces") metrics.piecesGranted.inc({ from: "parent" }, effect.run.count);
    if (effect.type === "grant-stripe") metrics.piecesGranted.inc({ from: "source" }, effect.run.count);
  }
}
