import type { SimulatedHost } from "./bodies/host.ts";
import type { SimulatedScheduler } from "./bodies/scheduler.ts";
import type { SimulatedSource } from "./bodies/source.ts";
import type { Dice } from "./engine/random.ts";
import type { Timeline } from "./engine/timeline.ts";
import type { Fault, Who } from "./fault.ts";
import { SILENT_MS } from "./bodies/silence.ts";
import type { Takeovers } from "./report/takeovers.ts";

/** Whom faults strike. */
export type Struck = {
  readonly timeline: Timeline;
  readonly hosts: readonly SimulatedHost[];
  readonly schedulers: readonly SimulatedScheduler[];
  readonly takeovers: Takeovers;
  readonly source: SimulatedSource;
  /** A stream of its own for each fault. */
  readonly dice: Dice;
};

/** Something goes wrong now. */
export function strike(fault: Fault, struck: Struck): void {
  switch (fault.type) {
    case "hosts-killed":
    case "hosts-cut":
    case "hosts-restarted":
    case "churn":
      strikeProcesses(fault, struck);
      return;
    case "hosts-stall":
    case "hosts-lie":
    case "hosts-corrupt":
    case "hosts-claim":
    case "source-stalls":
    case "source-refuses":
    case "clocks-jump":
      for (const host of chosen(fault.who, struck)) misbehave(fault, host, struck.timeline);
      return;
    case "source-limits":
      struck.source.limitUntil(struck.timeline.now + fault.forMs, fault.retryAfterMs);
      return;
    case "source-lies":
      struck.source.lieUntil(struck.timeline.now + fault.forMs, fault.piece);
      return;
    case "scheduler-restarted":
    case "scheduler-killed":
    case "scheduler-cut":
    case "scheduler-clock-jumps":
      strikeScheduler(fault, struck);
  }
}

type ProcessFault = Extract<Fault, { type: "hosts-killed" | "hosts-cut" | "hosts-restarted" | "churn" }>;

function strikeProcesses(fault: ProcessFault, struck: Struck): void {
  const { timeline, dice } = struck;
  for (const host of chosen(fault.who, struck)) {
    if (fault.type === "hosts-killed") host.kill("told");
    else if (fault.type === "hosts-cut") host.kill("silent");
    else timeline.after(fault.type === "churn" ? dice() * fault.forMs : 0, () => host.restart(fault.downMs));
  }
}

type SchedulerFault = Extract<Fault, { type: `scheduler-${string}` }>;
type Misbehaviour = Exclude<Extract<Fault, { who: Who }>, ProcessFault | SchedulerFault>;

function misbehave(fault: Misbehaviour, host: SimulatedHost, timeline: Timeline): void {
  const { conduct } = host;
  switch (fault.type) {
    case "hosts-stall":
      host.stall(fault.forMs);
      return;
    case "hosts-lie":
    case "hosts-corrupt":
      conduct.wrongShare = fault.type === "hosts-lie" ? 1 : fault.share;
      timeline.after(fault.forMs, () => (conduct.wrongShare = 0));
      return;
    case "hosts-claim":
      host.claim();
      return;
    case "source-stalls":
      conduct.isSourceStalled = true;
      timeline.after(fault.forMs, () => (conduct.isSourceStalled = false));
      return;
    case "source-refuses":
      conduct.isSourceRefused = true;
      return;
    case "clocks-jump":
      host.jump(fault.byMs);
  }
}

function strikeScheduler(fault: SchedulerFault, struck: Struck): void {
  const { timeline, takeovers } = struck;
  const scheduler = struck.schedulers[("scheduler" in fault ? fault.scheduler : undefined) ?? 0];
  if (scheduler === undefined) return;
  switch (fault.type) {
    case "scheduler-clock-jumps":
      scheduler.jump(fault.byMs);
      return;
    case "scheduler-restarted":
    case "scheduler-killed":
      takeovers.begin(scheduler);
      for (const host of scheduler.stop()) host.missScheduler(scheduler);
      if (fault.type === "scheduler-restarted") timeline.after(fault.downMs, () => scheduler.start());
      return;
    case "scheduler-cut":
      for (const host of chosen(fault.who, struck)) {
        scheduler.cut(host);
        timeline.after(SILENT_MS, () => host.missScheduler(scheduler));
        timeline.after(fault.forMs, () => scheduler.mend(host));
      }
  }
}

/** The hosts that are meant; a share is drawn without putting back. */
export function chosen(who: Who, { hosts, dice }: Pick<Struck, "hosts" | "dice">): SimulatedHost[] {
  return numbersOf(who, hosts.length, dice).flatMap((number) => hosts[number] ?? []);
}

/** The numbers of the hosts that are meant, of so many. */
export function numbersOf(who: Who, hosts: number, dice: Dice): number[] {
  if ("hosts" in who) return [...who.hosts];
  const numbers = Array.from({ length: hosts }, (_, number) => number);
  const wanted = Math.round(who.share * hosts);
  for (let place = 0; place < wanted; place++) {
    const other = place + Math.floor(dice() * (hosts - place));
    const [one, two] = [numbers[place] ?? 0, numbers[other] ?? 0];
    numbers[place] = two;
    numbers[other] = one;
  }
  return numbers.slice(0, wanted);
}
