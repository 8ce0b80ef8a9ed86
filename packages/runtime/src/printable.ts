import { Secret } from "./secret.ts";

// Fields are small by habit; these bounds keep a line readable when one is not (an error chain, a header of 64 KiB).
const MAX_DEPTH = 5;
const MAX_ITEMS = 50;
const MAX_CHARS = 4096;

/** A value as a log line may carry it: plain JSON of bounded size, Secrets redacted, errors as code, message and cause. */
export function printable(value: unknown, withStack: boolean, depth = 0): unknown {
  switch (typeof value) {
    case "string":
      return short(value);
    case "bigint":
    case "symbol":
      return String(value);
    case "function":
      return "(function)";
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "object":
      return value === null ? null : printableObject(value, withStack, depth);
    case "boolean":
    case "undefined":
      return value;
  }
}

function printableObject(value: object, withStack: boolean, depth: number): unknown {
  if (value instanceof Secret) return value.toString();
  if (depth >= MAX_DEPTH) return "(deeper)";
  if (value instanceof Error) return printableError(value, withStack, depth);
  if (ArrayBuffer.isView(value)) return `(${String(value.byteLength)} bytes)`;
  if (value instanceof URL || value instanceof Date) return short(value.toJSON());
  if (value instanceof Map) return printableObject(Object.fromEntries(value) as object, withStack, depth);
  if (Array.isArray(value) || value instanceof Set) {
    return [...(value as Iterable<unknown>)].slice(0, MAX_ITEMS).map((item) => printable(item, withStack, depth + 1));
  }
  const entries = Object.entries(value).slice(0, MAX_ITEMS);
  return Object.fromEntries(entries.map(([key, item]) => [key, printable(item, withStack, depth + 1)]));
}

function printableError(error: Error, withStack: boolean, depth: number): unknown {
  const code = codeOf(error);
  return {
    ...(code === undefined ? {} : { code }),
    message: short(error.message),
    ...(error.cause === undefined ? {} : { cause: printable(error.cause, withStack, depth + 1) }),
    ...(error instanceof AggregateError ? { errors: printable(error.errors, withStack, depth + 1) } : {}),
    ...(withStack && error.stack !== undefined ? { stack: short(error.stack) } : {}),
  };
}

/** The code of an error as data (`detail.code`), else Node's own (`ECONNRESET`). */
function codeOf(error: object): string | number | undefined {
  const { detail, code } = error as { detail?: { code?: unknown } | null; code?: unknown };
  const found = detail?.code ?? code;
  return typeof found === "string" || typeof found === "number" ? found : undefined;
}

function short(text: string): string {
  return text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS)}… (${String(text.length)} characters)`;
}
