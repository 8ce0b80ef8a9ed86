import { pieceCount, taskId, type HostId, type Task, type TaskId } from "@darner/domain";
import type { SchedulerEffect, SchedulerEvent } from "@darner/scheduler-core";
import type { ReplayStep } from "./replay.ts";
import { SourceLedger, type StripeCause } from "./source-ledger.ts";

/** What became of one task. */
export type TaskSummary = {
  readonly task: Task;
  readonly pieces: number;
  /** Hosts that wanted it, and hosts that proved it here. */
  readonly wanted: number;
  readonly proven: number;
  readonly parentGrants: number;
  readonly piecesFromParents: number;
  readonly stripes: number;
  readonly piecesFromSource: number;
  readonly revoked: number;
  /** Bytes granted to be read from the source, by why. */
  readonly sourceBytes: Readonly<Partial<Record<StripeCause, number>>>;
};

/** What became of everything. */
export type ReplaySummary = {
  readonly hostsJoined: number;
  readonly hostsLost: number;
  readonly events: Readonly<Record<string, number>>;
  readonly failures: Readonly<Record<string, number>>;
  readonly struck: Readonly<Record<HostId, number>>;
  /** What hosts and registries were found to have done, with how often. */
  readonly faults: Readonly<Record<string, number>>;
  readonly tasks: readonly TaskSummary[];
};

type TaskBook = {
  readonly task: Task;
  readonly wanted: Set<HostId>;
  readonly proven: Set<HostId>;
  readonly ledger: SourceLedger;
  parentGrants: number;
  piecesFromParents: number;
  stripes: number;
  piecesFromSource: number;
  revoked: number;
};

/** Adds a replay up: what was granted, what the source had to give and why, who was struck. */
export class ReplayBooks {
  readonly #tasks = new Map<TaskId, TaskBook>();
  readonly #events = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #struck = new Map<HostId, number>();
  readonly #faults = new Map<string, number>();
  #lost = 0;
  #joined = 0;

  /** Takes a step in; returns for each stripe it grants, by grant, why. */
  take({ event, effects, struck }: ReplayStep): ReadonlyMap<number, StripeCause> {
    count(this.#events, event.type);
    if (event.type === "host-joined") this.#joined += 1;
    if (event.type === "host-lost") this.#lost += 1;
    if (event.type === "grant-failed") count(this.#failures, event.failure.code);
    for (const host of struck) count(this.#struck, host);
    this.#hear(event);
    const causes = new Map<number, StripeCause>();
    for (const effect of effects) this.#bookEffect(effect, causes);
    return causes;
  }

  summary(): ReplaySummary {
    return {
      hostsJoined: this.#joined,
      hostsLost: this.#lost,
      events: Object.fromEntries(this.#events),
      failures: Object.fromEntries(this.#failures),
      struck: Object.fromEntries(this.#struck),
      faults: Object.fromEntries(this.#faults),
      tasks: Array.from(this.#tasks.values(), summaryOf),
    };
  }

  #hear(event: SchedulerEvent): void {
    if ("task" in event) {
      const book = this.#book(event.task);
      if (event.type === "peer-opened") book.wanted.add(event.host);
      if (event.type === "blob-proven") book.proven.add(event.host);
      book.ledger.hear(event);
    } else if (event.type !== "time-passed" && event.type !== "hosts-moving") {
      for (const { ledger } of this.#tasks.values()) ledger.hear(event);
    }
  }

  #bookEffect(effect: SchedulerEffect, causes: Map<number, StripeCause>): void {
    const book = this.#book(effect.task);
    if (effect.type === "grant-pieces") {
      book.parentGrants += 1;
      book.piecesFromParents += effect.run.count;
    } else if (effect.type === "grant-stripe") {
      book.stripes += 1;
      book.piecesFromSource += effect.run.count;
      causes.set(effect.grant, book.ledger.grant(effect.grant, effect.host, effect.run));
    } else if (effect.type === "revoke-grant") book.revoked += 1;
    else if (effect.type === "name-fault") count(this.#faults, `${effect.fault} ${effect.registry === "" ? effect.host : effect.registry}`);
  }

  #book(task: Task): TaskBook {
    const id = taskId(task);
    const known = this.#tasks.get(id);
    if (known !== undefined) return known;
    const [wanted, proven] = [new Set<HostId>(), new Set<HostId>()];
    const counts = { parentGrants: 0, piecesFromParents: 0, stripes: 0, piecesFromSource: 0, revoked: 0 };
    const book = { task, wanted, proven, ledger: new SourceLedger(task), ...counts };
    this.#tasks.set(id, book);
    return book;
  }
}

function summaryOf({ wanted, proven, ledger, task, ...counts }: TaskBook): TaskSummary {
  return {
    task,
    pieces: pieceCount(task.size),
    wanted: wanted.size,
    proven: proven.size,
    ...counts,
    sourceBytes: Object.fromEntries(ledger.bytes),
  };
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
