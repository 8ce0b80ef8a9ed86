import type { Task } from "@darner/domain";
import type { Holding, HostReport, PublicFact, WarmReport } from "@darner/protocol";
import type { SchedulerLink } from "../src/scheduler-link/scheduler-link.ts";

/** A link that remembers what was said and says what a test wants. */
export class RecordedLink implements SchedulerLink {
  readonly isSplit = false;
  readonly standing: SchedulerLink["standing"] = { forMs: 0, rows: [] };
  scheduler: string | undefined = undefined;
  lostForMs: number | undefined = undefined;
  readonly reports: { readonly task: Task; readonly report: HostReport }[] = [];
  readonly announced: Holding[] = [];
  readonly droppedTasks: Task[] = [];
  readonly facts: PublicFact[] = [];
  readonly warmed: WarmReport[] = [];

  report(task: Task, report: HostReport): void {
    this.reports.push({ task, report });
  }

  announce(holding: Holding): void {
    this.announced.push(holding);
  }

  dropped(task: Task): void {
    this.droppedTasks.push(task);
  }

  tellPublic(fact: PublicFact): void {
    this.facts.push(fact);
  }

  tellWarmed(report: WarmReport): void {
    this.warmed.push(report);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
