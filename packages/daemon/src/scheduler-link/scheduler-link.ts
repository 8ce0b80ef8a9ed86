import type { Task } from "@darner/domain";
import type { Holding, HostReport, PublicFact, SchedulerOrder, WarmOrder, WarmReport } from "@darner/protocol";

/** What the daemon hears from the scheduler it follows. Nothing an earlier one said holds with a later one. */
export interface SchedulerListener {
  /** What this host holds: said first in every session. */
  holdings(): readonly Holding[];
  /** What this host holds of one blob; undefined where that is nothing. */
  holdingOf(task: Task): Holding | undefined;
  /** A scheduler is followed from now on, perhaps another one than before: the peers open there. */
  onFound(): void;
  /** No scheduler answers. */
  onLost(): void;
  onOrder(task: Task, order: SchedulerOrder): void;
}

/** How one scheduler of the configuration stands with this host. */
export type SchedulerRow = {
  readonly address: string;
  /** Its name; null where it does not answer. */
  readonly name: string | null;
  /** The active one is followed, standbys answer and hear what is held. */
  readonly state: "active" | "standby" | "absent";
  /** How many hosts it answers, of how many, as the schedulers tell. */
  readonly reach: { readonly reached: number; readonly hosts: number } | null;
};

/** The daemon's line to whichever scheduler is active. The absence of one is a state, not an error: what is said then is dropped. */
export interface SchedulerLink extends AsyncDisposable {
  /** The name of the scheduler that is followed. */
  readonly scheduler: string | undefined;
  /** For how long no scheduler has been followed; undefined where one is, or none ever was. */
  readonly lostForMs: number | undefined;
  /** Whether hosts follow different schedulers just now: what is read from the source meanwhile is booked as such. */
  readonly isSplit: boolean;
  /** How the schedulers stand with this host. */
  readonly standing: SchedulerStanding;
  report(task: Task, report: HostReport): void;
  /** To the standbys, too. */
  announce(holding: Holding): void;
  /** To the standbys, too. */
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

/** How the schedulers stand with this host. */
export type SchedulerStanding = {
  /** For how long the active one has been followed. */
  readonly forMs: number;
  readonly rows: readonly SchedulerRow[];
};

/** Which repositories are public: what this host found out itself, and a place for what others did. */
export interface FactBook {
  found(): Iterable<PublicFact>;
  learn(fact: PublicFact): void;
}
