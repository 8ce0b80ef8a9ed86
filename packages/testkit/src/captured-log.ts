import type { LogFields, Logger } from "@darner/runtime";

/** One line that was logged. */
export type LogLine = { readonly level: "error" | "warn" | "info" | "debug"; readonly message: string; readonly fields: LogFields };

/** A logger that keeps its lines for a test to look at. */
export type CapturedLog = Logger & {
  readonly lines: LogLine[];
  /** Every line as JSON, as a process would write them: for asserting what must not be in a log. */
  text(): string;
};

/** Opens a log that writes nowhere and remembers everything. */
export function capturedLog(): CapturedLog {
  return childOf([], {});
}

function childOf(lines: LogLine[], base: LogFields): CapturedLog {
  const at =
    (level: LogLine["level"]) =>
    (message: string, fields: LogFields = {}): void => {
      lines.push({ level, message, fields: { ...base, ...fields } });
    };
  return {
    lines,
    text: () => lines.map((line) => JSON.stringify(line)).join("\n"),
    error: at("error"),
    warn: at("warn"),
    info: at("info"),
    debug: at("debug"),
    child: (fields) => childOf(lines, { ...base, ...fields }),
  };
}
