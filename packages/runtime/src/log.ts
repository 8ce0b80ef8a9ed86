/** Values a log line may carry; a `Secret` prints as `redacted`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where a process says what happens: a static lower-case message, data in fields. */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
}

/** A logger that says nothing, for tests and for tools that print results only. */
export const silentLog: Logger = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  child: () => silentLog,
};
