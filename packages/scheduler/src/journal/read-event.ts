import {
  parseHostId,
  parseTask,
  PIECE_HASH_BYTES,
  pieceCount,
  PieceSet,
  type HostId,
  type PieceHash,
  type PieceRun,
  type Task,
} from "@darner/domain";
import type { GrantFailure, SchedulerEvent } from "@darner/scheduler-core";

type Fields = Readonly<Record<string, unknown>>;

/** What is wrong with a line; the reader of the file adds where. */
export class LineError extends Error {}

/** Reads what `EventWriter` wrote: the same events, hosts and tasks by the numbers given to them. Throws `LineError`. */
export class EventReader {
  readonly #hosts = new Map<number, HostId>();
  readonly #tasks = new Map<number, Task>();

  /** Takes a line that names a host or a task; says whether it was one. */
  takeName(line: Fields): boolean {
    if (typeof line["host"] === "number") {
      const id = parseHostId(textOf(line, "id"));
      if (id === undefined) throw new LineError("id is no host id");
      this.#hosts.set(line["host"], id);
      return true;
    }
    if (typeof line["task"] !== "number") return false;
    const task = parseTask(textOf(line, "digest"), wholeOf(line, "size"));
    if (task === undefined) throw new LineError("digest and size are no task");
    this.#tasks.set(line["task"], task);
    return true;
  }

  /** The event of a line, from its third element on. */
  read([type, host, task, details]: readonly unknown[]): SchedulerEvent {
    if (type === "time-passed") return { type };
    if (type === "hosts-moving") return { type, forMs: wholeOf(fieldsOf(details), "forMs") };
    const id = this.#host(host);
    const fields = fieldsOf(details);
    if (type === "host-lost") return { type, host: id };
    if (type === "host-joined")
      return { type, host: id, address: textOf(fields, "address"), zone: textOf(fields, "zone"), seed: fields["seed"] === true };
    return taskEvent(type, id, this.#task(task), fields);
  }

  #host(number: unknown): HostId {
    const host = typeof number === "number" ? this.#hosts.get(number) : undefined;
    if (host === undefined) throw new LineError(`no line before names host ${JSON.stringify(number)}`);
    return host;
  }

  #task(number: unknown): Task {
    const task = typeof number === "number" ? this.#tasks.get(number) : undefined;
    if (task === undefined) throw new LineError(`no line before names task ${JSON.stringify(number)}`);
    return task;
  }
}

function taskEvent(type: unknown, host: HostId, task: Task, fields: Fields): SchedulerEvent {
  switch (type) {
    case "blob-dropped":
    case "peer-closed":
    case "blob-proven":
    case "proof-failed":
      return { type, host, task };
    case "blob-announced":
      return { type, host, task, have: setOf(fields, task), proven: fields["proven"] === true, registry: textOf(fields, "registry") };
    case "peer-opened":
      return {
        type,
        host,
        task,
        registry: textOf(fields, "registry"),
        access: wordOf(fields, "access", ["caller", "own", "none"]),
        sequential: fields["sequential"] === true,
        priority: wordOf(fields, "priority", ["reader", "preheat"]),
        have: setOf(fields, task),
        ...(fields["reading"] === undefined ? {} : { reading: listOf(fields, "reading").map((run) => runOf(run, task)) }),
      };
    case "pieces-needed":
      return { type, host, task, run: runOf(fields["run"], task) };
    case "pieces-verified":
      return { type, host, task, pieces: listOf(fields, "pieces").map((run) => runOf(run, task)), hashes: hashesOf(fields) };
    case "table-told":
      return { type, host, task, hashes: hashesOf(fields) };
    case "grant-failed":
      return { type, host, task, grant: wholeOf(fields, "grant"), failure: failureOf(fields) };
    default:
      throw new LineError(`${JSON.stringify(type)} is no event of this version`);
  }
}

function failureOf(fields: Fields): GrantFailure {
  const { code } = fields;
  switch (code) {
    case "piece-refused":
      return { code, piece: wholeOf(fields, "piece") };
    case "source-unavailable":
    case "source-limited":
      return { code, retryAfterMs: wholeOf(fields, "retryAfterMs") };
    case "parent-lost":
    case "parent-silent":
    case "parent-refused":
    case "source-refused":
    case "source-without-range":
    case "disk-refused":
      return { code };
    default:
      throw new LineError(`${JSON.stringify(code)} is no failure of a grant`);
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw new LineError(`${name} is no text`);
  return value;
}

function wordOf<Word extends string>(fields: Fields, name: string, words: readonly Word[]): Word {
  const word = words.find((candidate) => candidate === fields[name]);
  if (word === undefined) throw new LineError(`${name} is none of ${words.join(", ")}`);
  return word;
}

function wholeOf(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw new LineError(`${name} is no whole number`);
  return value;
}

function listOf(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw new LineError(`${name} is no list`);
  return value as unknown[];
}

function setOf(fields: Fields, task: Task): PieceSet {
  const have = textOf(fields, "have");
  const pieces = pieceCount(task.size);
  return have === "full" ? PieceSet.full(pieces) : PieceSet.fromBytes(pieces, Buffer.from(have, "base64"));
}

function runOf(value: unknown, task: Task): PieceRun {
  const [first, stride, count] = Array.isArray(value) ? (value as unknown[]) : [];
  const fields = { first, stride, count };
  const run = { first: wholeOf(fields, "first"), stride: wholeOf(fields, "stride"), count: wholeOf(fields, "count") };
  if (run.stride < 1 || run.count < 1 || run.first + (run.count - 1) * run.stride >= pieceCount(task.size))
    throw new LineError("a run of pieces lies outside of the blob");
  return run;
}

function hashesOf(fields: Fields): PieceHash[] {
  if (fields["of"] === undefined) return [];
  const bytes = Buffer.from(textOf(fields, "hashes"), "base64");
  const pieces = listOf(fields, "of");
  if (bytes.length !== pieces.length * PIECE_HASH_BYTES) throw new LineError("hashes has not 32 bytes for each piece");
  return pieces.map((piece, at) => {
    const number = wholeOf({ piece }, "piece");
    return { piece: number, hash: new Uint8Array(bytes.subarray(at * PIECE_HASH_BYTES, (at + 1) * PIECE_HASH_BYTES)) };
  });
}
