import type { LogFields, Logger, Timers } from "@darner/runtime";

// A host that is refused may come back at once, and thousands may come: one line a second and reason says it.
const PAUSE_MS = 1000;

/** Warns of what is refused, each reason at most once a second; the next line says how many were left unsaid. */
export class RefusalLog {
  readonly #log: Logger;
  readonly #timers: Timers;
  // One entry a reason, of which there are few.
  readonly #said = new Map<string, { at: number; unsaid: number }>();

  constructor(log: Logger, timers: Timers) {
    this.#log = log;
    this.#timers = timers;
  }

  warn(message: string, reason: string, fields: LogFields): void {
    const now = this.#timers.now();
    const said = this.#said.get(reason);
    if (said !== undefined && now - said.at < PAUSE_MS) {
      said.unsaid += 1;
      return;
    }
    this.#log.warn(message, { reason, ...fields, ...(said === undefined || said.unsaid === 0 ? {} : { unsaid: said.unsaid }) });
    this.#said.set(reason, { at: now, unsaid: 0 });
  }
}
