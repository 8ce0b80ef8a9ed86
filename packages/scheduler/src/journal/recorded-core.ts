import type { Core } from "@darner/runtime";
import type { SchedulerEffect, SchedulerEvent } from "@darner/scheduler-core";
import { checkOf } from "./effect-check.ts";
import type { JournalFile } from "./journal-file.ts";
import { EventWriter } from "./write-event.ts";

/** A core whose every event is written down, with a running check of what it decided. */
export class RecordedCore implements Core<SchedulerEvent, SchedulerEffect> {
  readonly #core: Core<SchedulerEvent, SchedulerEffect>;
  readonly #journal: JournalFile;
  readonly #writer = new EventWriter();
  #check = 0;

  constructor(core: Core<SchedulerEvent, SchedulerEffect>, journal: JournalFile) {
    this.#core = core;
    this.#journal = journal;
  }

  handle(event: SchedulerEvent, now: number): SchedulerEffect[] {
    if (!this.#journal.isOpen) return this.#core.handle(event, now);
    // Written before it is handled: the core may keep what the event brings, and change it.
    const { names, text } = this.#writer.write(event);
    try {
      const effects = this.#core.handle(event, now);
      this.#check = checkOf(effects, this.#check);
      this.#journal.append(`${names}[${String(now)},${String(this.#check)},${text}]\n`);
      return effects;
    } catch (error) {
      // A broken invariant ends the process: what led to it is the most precious of all.
      this.#journal.appendNow(`${names}[${String(now)},null,${text}]\n`);
      throw error;
    }
  }

  nextDeadline(): number | undefined {
    return this.#core.nextDeadline();
  }
}
