import type { HostId } from "@darner/domain";
import { Scheduler, type SchedulerEffect, type SchedulerEvent } from "@darner/scheduler-core";
import { seededDice } from "../journal/dice.ts";
import { checkOf } from "../journal/effect-check.ts";
import type { JournalEnd } from "../journal/journal-line.ts";
import type { JournalReader } from "../journal/read-journal.ts";

/** One event of a journal and what the core decides on it now. */
export type ReplayStep = {
  readonly line: number;
  /** Since the journal began. */
  readonly ms: number;
  readonly event: SchedulerEvent;
  readonly effects: readonly SchedulerEffect[];
  /** Hosts that are not to be parents from now on, because of this event. */
  readonly struck: readonly HostId[];
};

/** What a replay proves. */
export type ReplayVerdict = {
  readonly events: number;
  /** Since the journal began. */
  readonly ms: number;
  /** How the journal ended; `cut` where its last lines are missing (the scheduler was killed). */
  readonly end: JournalEnd | "cut";
  /** The check of everything that was decided. */
  readonly check: number;
  /** The first line on which this core decides otherwise than the one that wrote the journal. */
  readonly differsAt: number | undefined;
  /** The line on which the core breaks an invariant, and whether it did so when the journal was written. */
  readonly broke: { readonly line: number; readonly message: string; readonly asRecorded: boolean } | undefined;
};

/** Drives a core offline with the events, times and dice of a journal. */
export class Replay {
  readonly #reader: JournalReader;
  readonly #core: Scheduler;
  readonly #benched = new Map<HostId, number>();
  #events = 0;
  #ms = 0;
  #end: ReplayVerdict["end"] = "cut";
  #check = 0;
  #differsAt: number | undefined;
  #broke: ReplayVerdict["broke"];

  constructor(reader: JournalReader) {
    this.#reader = reader;
    this.#core = new Scheduler(reader.header.limits, seededDice(reader.header.dice));
  }

  /** Every step in order. Throws `JournalError`. */
  async *steps(): AsyncGenerator<ReplayStep> {
    for await (const entry of this.#reader.entries()) {
      if (entry.kind === "end") {
        this.#end = entry.end;
        continue;
      }
      const { line, now, check, event } = entry;
      this.#events += 1;
      this.#ms = now - this.#reader.header.now;
      const effects = this.#handle(event, now, line, check);
      if (effects === undefined) return;
      this.#check = checkOf(effects, this.#check);
      if (this.#check !== check) this.#differsAt ??= line;
      yield { line, ms: this.#ms, event, effects, struck: event.type === "grant-failed" ? this.#struck(now) : [] };
    }
  }

  /** What the steps so far prove. */
  get verdict(): ReplayVerdict {
    return {
      events: this.#events,
      ms: this.#ms,
      end: this.#end,
      check: this.#check,
      differsAt: this.#differsAt,
      broke: this.#broke,
    };
  }

  /** What the core decides; undefined where it breaks, which ends the replay. */
  #handle(event: SchedulerEvent, now: number, line: number, check: number | null): SchedulerEffect[] | undefined {
    try {
      return this.#core.handle(event, now);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#broke = { line, message, asRecorded: check === null };
      return undefined;
    }
  }

  #struck(now: number): HostId[] {
    const struck: HostId[] = [];
    for (const { host, benchedUntil } of this.#core.hosts()) {
      if (benchedUntil <= now || this.#benched.get(host) === benchedUntil) continue;
      this.#benched.set(host, benchedUntil);
      struck.push(host);
    }
    return struck;
  }
}
