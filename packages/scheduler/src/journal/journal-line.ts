import type { SchedulerLimits } from "@darner/scheduler-core";

/** The form of the lines below; a reader refuses another. */
export const JOURNAL_SCHEMA = 1;

/** The first line: everything a core needs to decide the same again. */
export type JournalHeader = {
  readonly journal: "darner-scheduler";
  readonly schema: number;
  /** The Darner that wrote it. */
  readonly version: string;
  /** The time of day at which it began, for people. */
  readonly began: string;
  /** The core's clock then, in milliseconds; the times of all lines are of this clock. */
  readonly now: number;
  /** The seed of the core's dice. */
  readonly dice: number;
  readonly limits: SchedulerLimits;
};

/** Why a journal ends before its scheduler did. */
export type JournalEnd =
  /** The scheduler was stopped. */
  | "closed"
  /** It has as many bytes as it may. */
  | "full"
  /** The disk was slower than the events. */
  | "slow-disk";

/** The last line, where there was time to write one. */
export type JournalLastLine = { readonly end: JournalEnd };

/** A journal that cannot be read on; `line` counts from 1. */
export class JournalError extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(`line ${String(line)}: ${message}`);
    this.name = "JournalError";
    this.line = line;
  }
}
