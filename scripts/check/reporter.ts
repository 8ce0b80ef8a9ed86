import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

/** What a line starts with that carries the counts of the run, as JSON. */
export const COUNTS = "@counts ";
/** What a line starts with that carries a note: a skipped test, a seed. */
export const NOTE = "@note ";

/** How many tests ended how. */
export type Counts = { readonly passed: number; readonly failed: number; readonly cancelled: number; readonly skipped: number };

// What a failed file printed helps to understand it; more than this buries the failure.
const MAX_OUTPUT_CHARS = 8_000;

/**
 * A reporter for node:test that is silent about what passed: failures in full, skipped tests and seeds as notes, then the counts.
 * @public node:test loads it by its path
 */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const printed = new Map<string, string>();
  for await (const event of events) {
    if (event.type === "test:fail") yield* failure(event.data, printed);
    else if (event.type === "test:pass") yield* skipped(event.data);
    else if (event.type === "test:diagnostic") yield* seeds(event.data.message);
    else if (event.type === "test:stdout" || event.type === "test:stderr") {
      const before = printed.get(event.data.file) ?? "";
      printed.set(event.data.file, (before + event.data.message).slice(-MAX_OUTPUT_CHARS));
      yield* seeds(event.data.message);
    } else if (event.type === "test:summary" && event.data.file === undefined) {
      yield `${COUNTS}${JSON.stringify(event.data.counts)}\n`;
    }
  }
}

type Failed = Extract<TestEvent, { type: "test:fail" }>["data"];
type Passed = Extract<TestEvent, { type: "test:pass" }>["data"];

function* failure(test: Failed, printed: Map<string, string>): Generator<string> {
  const { error } = test.details;
  // A suite fails because of a test in it, which has been reported already.
  if ("failureType" in error && error.failureType === "subtestsFailed") return;
  const cause: unknown = error.cause;
  yield `✖ ${place(test)} ${test.name}\n${indent(describe(cause ?? error))}\n`;
  const output = printed.get(test.file ?? "");
  if (output === undefined) return;
  printed.delete(test.file ?? "");
  yield `  what the file printed:\n${indent(output)}\n`;
}

// An AssertionError's stack has the difference in it; its fields would only say it twice.
function describe(cause: unknown): string {
  if (!(cause instanceof Error) || cause.cause !== undefined) return inspect(cause);
  return cause.stack ?? cause.message;
}

function* skipped(test: Passed): Generator<string> {
  if (test.skip === undefined && test.todo === undefined) return;
  const why = test.skip ?? test.todo;
  yield `${NOTE}skipped: ${place(test)} ${test.name}${typeof why === "string" && why !== "" ? ` (${why})` : ""}\n`;
}

function* seeds(message: string): Generator<string> {
  for (const line of message.split("\n")) if (/\bseed\b/i.test(line)) yield `${NOTE}${line.trim()}\n`;
}

function place({ file, line }: Failed | Passed): string {
  return file === undefined ? "" : `${relative(process.cwd(), file)}:${String(line ?? 0)}`;
}

function indent(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, "  ");
}
