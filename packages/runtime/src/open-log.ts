import { pino } from "pino";
import type { Logger as PinoLogger } from "pino";
import type { LogFields, Logger } from "./log.ts";
import { printable } from "./printable.ts";

/** How much is logged: each level includes those before it in `error`, `warn`, `info`, `debug`. */
export type LogLevel = "error" | "warn" | "info" | "debug";

/** Where the lines go: each call brings one line with its newline. */
export type LogDestination = { write(line: string): void };

export type LogOptions = {
  readonly level: LogLevel;
  /** Which process speaks: the field `name` of each line. */
  readonly name: string;
  /** Default: standard error. */
  readonly destination?: LogDestination;
};

// What a line says by itself; a field of the same name is printed with an underscore in front.
const OWN_KEYS: ReadonlySet<string> = new Set(["time", "level", "name", "message"]);

class JsonLog implements Logger {
  readonly #pino: PinoLogger;

  constructor(log: PinoLogger) {
    this.#pino = log;
  }

  error(message: string, fields?: LogFields): void {
    this.#write("error", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write("warn", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write("info", message, fields);
  }

  debug(message: string, fields?: LogFields): void {
    this.#write("debug", message, fields);
  }

  child(fields: LogFields): Logger {
    return new JsonLog(this.#pino.child(this.#printable(fields)));
  }

  #write(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (this.#pino.isLevelEnabled(level)) this.#pino[level](this.#printable(fields), message);
  }

  #printable(fields: LogFields): Record<string, unknown> {
    const withStack = this.#pino.isLevelEnabled("debug");
    const line: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(fields)) {
      line[OWN_KEYS.has(key) ? `_${key}` : key] = printable(value, withStack);
    }
    return line;
  }
}

function standardError(): LogDestination {
  // Synchronous: the line that tells why the process ends must be out before it ends.
  const destination = pino.destination({ fd: 2, sync: true });
  // Nobody reads standard error any more: no reason for a daemon to end.
  destination.on("error", () => {});
  return destination;
}

/** A log of JSON lines: `time` (ISO 8601), `level`, `name`, `message`, and the fields beside them. */
export function openLog(options: LogOptions): Logger {
  const log = pino(
    {
      level: options.level,
      base: { name: options.name },
      messageKey: "message",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.destination ?? standardError(),
  );
  return new JsonLog(log);
}
