import { relative, resolve } from "node:path";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

/** What a line starts with that carries the counts of the run, as JSON. */
export const COUNTS = "@counts ";
/** What a line starts with that carries a note: a skipped test, a seed. */
export const NOTE = "@note ";

/** How many tests ended how: all of them, or those that have ended so far. */
export type Counts = { readonly passed: number; readonly failed: number; readonly cancelled: number; readonly isWhole: boolean };

// What a failed file printed helps to understand it; more than this buries the failure.
const MAX_OUTPUT_CHARS = 8_000;

/**
 * A reporter for node:test that is silent about what passed: failures in full, skipped tests and seeds as notes, and the counts, as each
 * test ends and at the end: a runner that dies has still told what it knew.
 * @public node:test loads it by its path
 */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const printed = new Map<string, string>();
  const failed = new Set<string>();
  const ended = { passed: 0, failed: 0, cancelled: 0, isWhole: false };
  for await (const event of events) {
    if (event.type === "test:complete") {
      count(event.data, ended);
      yield line(ended);
    } else if (event.type === "test:fail") {
      failed.add(resolve(event.data.file ?? ""));
      yield* failure(event.data);
    } else if (event.type === "test:pass") yield* skipped(event.data);
    else if (event.type === "test:diagnostic") yield* seeds(event.data.message);
    else if (event.type === "test:interrupted") yield* event.data.tests.map((test) => `✖ was still running: ${place(test)} ${test.name}\n`);
    else if (event.type === "test:stdout" || event.type === "test:stderr") {
      const file = resolve(event.data.file); // relative here, absolute in a failure
      const before = printed.get(file) ?? "";
      printed.set(file, (before + event.data.message).slice(-MAX_OUTPUT_CHARS));
      yield* seeds(event.data.message);
    } else if (event.type === "test:summary" && event.data.file === undefined) {
      for (const [file, output] of printed) if (failed.has(file)) yield `${shortPath(file)} printed:\n${indent(output)}\n`;
      const { tests, passed, cancelled, skipped: left, todo } = event.data.counts;
      yield line({ passed, failed: tests - passed - cancelled - left - todo, cancelled, isWhole: true });
    }
  }
}

type Completed = Extract<TestEvent, { type: "test:complete" }>["data"];
type Failed = Extract<TestEvent, { type: "test:fail" }>["data"];
type Passed = Extract<TestEvent, { type: "test:pass" }>["data"];
type Place = { readonly file?: string | undefined; readonly line?: number | undefined };

// As node:test counts, but for a test that failed because it was cancelled; a file is no test, unless it failed by itself.
function count({ details, skip, todo, name, file }: Completed, ended: { passed: number; failed: number }): void {
  if (details.type === "suite" || skip !== undefined || todo !== undefined) return;
  const isFile = file !== undefined && resolve(name) === file;
  if (!details.passed) ended.failed += isFile && isBecauseOfSubtests(details.error) ? 0 : 1;
  else if (!isFile) ended.passed += 1;
}

// What fails only because of a test in it: a suite, a file.
function isBecauseOfSubtests(error: object | undefined): boolean {
  return error !== undefined && "failureType" in error && error.failureType === "subtestsFailed";
}

function line(counts: Counts): string {
  return `${COUNTS}${JSON.stringify(counts)}\n`;
}

function* failure(test: Failed): Generator<string> {
  const { error } = test.details;
  if (isBecauseOfSubtests(error)) return;
  const cause: unknown = error.cause;
  yield `✖ ${place(test)} ${test.name}\n${indent(describe(cause ?? error))}\n`;
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

function place({ file, line }: Place): string {
  return file === undefined ? "" : `${shortPath(file)}:${String(line ?? 0)}`;
}

function shortPath(file: string): string {
  return relative(process.cwd(), file);
}

function indent(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, "  ");
}
