import type { ReplayStep } from "@darner/scheduler";

/** What of a replay is to be shown. */
export type ReplayFilter = {
  /** The beginning of a digest, without its algorithm; empty: all. */
  readonly digest: string;
  /** The end of a host id; empty: all. */
  readonly host: string;
  readonly fromMs: number;
  readonly toMs: number;
};

/** The step as far as it is to be shown: undefined where nothing of it is, else with the effects that are. */
export function shownOf(step: ReplayStep, filter: ReplayFilter): ReplayStep | undefined {
  if (step.ms < filter.fromMs || step.ms > filter.toMs) return undefined;
  const { event } = step;
  const isOfTask = (task: { readonly digest: string }): boolean =>
    task.digest.slice(task.digest.indexOf(":") + 1).startsWith(filter.digest);
  const hostsOf = (effect: ReplayStep["effects"][number]): readonly string[] =>
    effect.type === "grant-pieces" ? [effect.host, effect.parent] : [effect.host];
  const isMeant = "task" in event ? isOfTask(event.task) : filter.digest === "";
  const byHost = "host" in event && event.host.endsWith(filter.host);
  // What a host caused is shown whole, what others caused as far as it concerns the host.
  const effects = step.effects.filter(
    (effect) => isOfTask(effect.task) && (byHost || hostsOf(effect).some((host) => host.endsWith(filter.host))),
  );
  const isShown = (isMeant && (byHost || filter.host === "")) || effects.length > 0;
  return isShown ? { ...step, effects } : undefined;
}
