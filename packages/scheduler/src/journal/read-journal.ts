import { createReadStream } from "node:fs";
import { DEFAULT_LIMITS, type SchedulerEvent, type SchedulerLimits } from "@darner/scheduler-core";
import { JOURNAL_SCHEMA, JournalError, type JournalEnd, type JournalHeader } from "./journal-line.ts";
import { EventReader, LineError } from "./read-event.ts";

/** One line of a journal that is neither a name nor the header. */
export type JournalEntry =
  /** Something happened; `check` is that of everything decided up to here, null where the core broke over it. */
  | { readonly kind: "event"; readonly line: number; readonly now: number; readonly check: number | null; readonly event: SchedulerEvent }
  /** The last line, as the scheduler wrote it. */
  | { readonly kind: "end"; readonly line: number; readonly end: JournalEnd };

// A table of the largest blob is 12 MB in base64; a file without line ends must not fill the memory.
const MAX_LINE_CHARS = 32 * 1024 * 1024;

type Line = { readonly number: number; readonly text: string };

/** Reads a journal: its header, then its entries. A last line that was cut off (the scheduler was killed) is left out. */
export class JournalReader implements AsyncDisposable {
  readonly header: JournalHeader;
  readonly #lines: AsyncGenerator<Line>;

  constructor(header: JournalHeader, lines: AsyncGenerator<Line>) {
    this.header = header;
    this.#lines = lines;
  }

  /** The entries in order. Throws `JournalError`. */
  async *entries(): AsyncGenerator<JournalEntry> {
    const events = new EventReader();
    for await (const { number, text } of this.#lines) {
      const entry = located(number, () => readLine(number, valueOf(text), events));
      if (entry !== undefined) yield entry;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lines.return(undefined);
  }
}

/** Opens a journal for reading. Rejects with `JournalError` where its header is none, and with the disk's error. */
export async function openJournal(file: string): Promise<JournalReader> {
  const lines = linesOf(file);
  const first = await lines.next();
  if (first.done === true) throw new JournalError(1, "the file is empty, or has no whole line");
  return new JournalReader(
    located(1, () => headerOf(valueOf(first.value.text))),
    lines,
  );
}

async function* linesOf(file: string): AsyncGenerator<Line> {
  let number = 0;
  let rest = "";
  for await (const chunk of createReadStream(file, { encoding: "utf8", highWaterMark: 1024 * 1024 })) {
    const parts = (rest + String(chunk)).split("\n");
    rest = parts.pop() ?? "";
    for (const text of parts) yield { number: ++number, text };
    if (rest.length > MAX_LINE_CHARS) throw new JournalError(number + 1, "it is longer than any line of a journal: is this one?");
  }
}

function located<Value>(line: number, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof LineError) throw new JournalError(line, error.message);
    throw error;
  }
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new LineError("it is no JSON");
  }
}

function headerOf(value: unknown): JournalHeader {
  const header = value as Partial<JournalHeader> | null;
  if (typeof header !== "object" || header?.journal !== "darner-scheduler") throw new LineError("this is no journal of a Darner scheduler");
  const { schema, version = "an unknown version", limits, dice, now } = header;
  if (schema !== JOURNAL_SCHEMA)
    throw new LineError(`Darner ${version} wrote schema ${String(schema)}, this one reads ${String(JOURNAL_SCHEMA)}: use that version`);
  if (typeof dice !== "number" || typeof now !== "number") throw new LineError("the header has no dice or no time");
  if (!areLimits(limits)) throw new LineError(`the limits are not those of this version: replay it with Darner ${version}`);
  return { ...header, limits } as JournalHeader;
}

function areLimits(limits: unknown): limits is SchedulerLimits {
  if (typeof limits !== "object" || limits === null) return false;
  const given = limits as Record<string, unknown>;
  const names = Object.keys(DEFAULT_LIMITS);
  return names.length === Object.keys(given).length && names.every((name) => typeof given[name] === "number" && given[name] >= 0);
}

function readLine(line: number, value: unknown, events: EventReader): JournalEntry | undefined {
  if (Array.isArray(value)) {
    const [now, check, ...event] = value as unknown[];
    if (typeof now !== "number") throw new LineError("its time is no number");
    if (typeof check !== "number" && check !== null) throw new LineError("its check is no number");
    return { kind: "event", line, now, check, event: events.read(event) };
  }
  if (typeof value !== "object" || value === null) throw new LineError("it is neither an event nor a name");
  const fields = value as Readonly<Record<string, unknown>>;
  if (events.takeName(fields)) return undefined;
  const { end } = fields;
  if (end !== "closed" && end !== "full" && end !== "slow-disk") throw new LineError("it is neither an event, nor a name, nor an end");
  return { kind: "end", line, end };
}
