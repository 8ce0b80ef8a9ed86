import { PIECE_HASH_BYTES, DarnerError, parseTask, pieceCount, type PieceHash, type PieceRun, type Task } from "@darner/domain";

/** A message that breaks the protocol: which field, and what it should be. */
export class WireError extends DarnerError<{ readonly code: "bad-message"; readonly field: string; readonly expected: string }> {
  constructor(field: string, expected: string) {
    super({ code: "bad-message", field, expected }, `field ${field} of the message is not ${expected}`);
  }
}

/** An object as the protobuf runtime hands it out: every field may be anything. */
export type WireObject = Readonly<Record<string, unknown>>;

export function asObject(value: unknown, field: string): WireObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new WireError(field, "a message");
  return value as WireObject;
}

/** A repeated field; absent means empty. */
export function asList(value: unknown, field: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new WireError(field, "a list");
  return value as unknown[];
}

export function asText(value: unknown, field: string, maxChars: number): string {
  if (typeof value !== "string" || value.length > maxChars) throw new WireError(field, `a text of at most ${String(maxChars)} characters`);
  return value;
}

export function asWhole(value: unknown, field: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw new WireError(field, "a whole number below 2^53");
  return value;
}

export function asBytes(value: unknown, field: string): Uint8Array {
  if (value === undefined || value === null) return new Uint8Array(0);
  if (!(value instanceof Uint8Array)) throw new WireError(field, "bytes");
  return value;
}

/** One of a closed set of words. */
export function asWord<Word extends string>(value: unknown, field: string, words: readonly Word[]): Word {
  const word = words.find((candidate) => candidate === value);
  if (word === undefined) throw new WireError(field, `one of ${words.join(", ")}`);
  return word;
}

export function asTask(value: unknown, field: string): Task {
  const wire = asObject(value, field);
  const task = parseTask(asText(wire["digest"], `${field}.digest`, 255), asWhole(wire["size"], `${field}.size`));
  if (task === undefined) throw new WireError(field, "a verifiable digest with a size");
  return task;
}

/** A run that lies within the blob of `task`. */
export function asRun(value: unknown, field: string, task: Task): PieceRun {
  const wire = asObject(value, field);
  const run = { first: asWhole(wire["first"], field), stride: asWhole(wire["stride"], field), count: asWhole(wire["count"], field) };
  const last = run.first + (run.count - 1) * run.stride;
  if (run.stride < 1 || run.count < 1 || last >= pieceCount(task.size)) throw new WireError(field, "a run of pieces within the blob");
  return run;
}

export function asHashes(value: unknown, field: string, task: Task): PieceHash[] {
  if (value === undefined || value === null) return [];
  const wire = asObject(value, field);
  const pieces = asList(wire["pieces"], `${field}.pieces`).map((piece) => asWhole(piece, `${field}.pieces`));
  const bytes = asBytes(wire["hashes"], `${field}.hashes`);
  if (bytes.length !== pieces.length * PIECE_HASH_BYTES) throw new WireError(`${field}.hashes`, "32 bytes for each piece");
  const count = pieceCount(task.size);
  return pieces.map((piece, index) => {
    if (piece >= count) throw new WireError(`${field}.pieces`, "pieces of the blob");
    return { piece, hash: new Uint8Array(bytes.subarray(index * PIECE_HASH_BYTES, (index + 1) * PIECE_HASH_BYTES)) };
  });
}

/** Lines of a piece table as they go on the wire. */
export function wireHashes(hashes: readonly PieceHash[]): WireObject {
  const bytes = new Uint8Array(hashes.length * PIECE_HASH_BYTES);
  hashes.forEach(({ hash }, index) => {
    bytes.set(hash, index * PIECE_HASH_BYTES);
  });
  return { pieces: hashes.map(({ piece }) => piece), hashes: bytes };
}
