import type { Task } from "@darner/domain";
import type { Holding, HostReport, PublicFact, SchedulerOrder, WarmOrder, WarmReport } from "@darner/protocol";

/** What the daemon hears from its session with a scheduler. Nothing said in an earlier session holds in a later one. */
export interface SchedulerListener {
  /** A session stands: what this host holds goes out first, and is asked for here. */
  onFound(): readonly Holding[];
  onLost(): void;
  onOrder(task: Task, order: SchedulerOrder): void;
}

/** The daemon's line to whichever scheduler is active. The absence of one is a state, not an error: what is said then is dropped. */
export interface SchedulerLink extends AsyncDisposable {
  /** The scheduler's name while a session stands. */
  readonly scheduler: string | undefined;
  report(task: Task, report: HostReport): void;
  announce(holding: Holding): void;
  dropped(task: Task): void;
  /** This host heard from a registry whether a repository is public. */
  tellPublic(fact: PublicFact): void;
  /** How a content stands that was ordered for a preheat. */
  tellWarmed(report: WarmReport): void;
}

/** What the daemon hears of preheats. Orders of an earlier session do not hold in a later one: they are said again. */
export interface WarmListener {
  onWarm(order: WarmOrder): void;
  onReleased(job: number): void;
  onLost(): void;
}

/** Which repositories are public: what this host found out itself, and a place for what others did. */
export interface FactBook {
  found(): Iterable<PublicFact>;
  learn(fact: PublicFact): void;
}
