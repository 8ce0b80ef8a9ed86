import { randomInt } from "node:crypto";
import { VERSION, type Core, type Logger, type Timers } from "@darner/runtime";
import { Scheduler, type SchedulerEffect, type SchedulerEvent, type SchedulerLimits } from "@darner/scheduler-core";
import { seededDice } from "./dice.ts";
import { openJournalFile, type JournalConfig, type JournalFile } from "./journal-file.ts";
import { JOURNAL_SCHEMA } from "./journal-line.ts";
import { RecordedCore } from "./recorded-core.ts";

/** A scheduler's core; where a journal is asked for, what drives it writes the journal. */
export type OpenedCore = {
  /** For people who look. */
  readonly core: Scheduler;
  /** What the process drives. */
  readonly driven: Core<SchedulerEvent, SchedulerEffect>;
  readonly journal: JournalFile | undefined;
};

/** Opens a core, with its journal where `config` names a file. Rejects with `StartError` where that cannot be written. */
export async function openCore(
  limits: SchedulerLimits,
  config: { readonly file?: string; readonly maxBytes: number },
  deps: { readonly timers: Timers; readonly log: Logger },
): Promise<OpenedCore> {
  const dice = randomInt(2 ** 32);
  const core = new Scheduler(limits, seededDice(dice));
  if (config.file === undefined) return { core, driven: core, journal: undefined };
  const journalConfig: JournalConfig = { file: config.file, maxBytes: config.maxBytes };
  const began = new Date().toISOString();
  const header = {
    journal: "darner-scheduler",
    schema: JOURNAL_SCHEMA,
    version: VERSION,
    began,
    now: deps.timers.now(),
    dice,
    limits,
  } as const;
  const journal = await openJournalFile(journalConfig, header, deps.log);
  deps.log.info("journal is written", journalConfig);
  return { core, driven: new RecordedCore(core, journal), journal };
}
