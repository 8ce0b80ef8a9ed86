import type { FuzzDice } from "./fuzz-dice.ts";

/** What inputs are changed with. */
export type MutationSource = {
  /** Words of the format. */
  readonly words: readonly Uint8Array[];
  /** Other inputs to take parts from. */
  readonly others: readonly Uint8Array[];
};

// Longer than every bound of a parser that bounds text by the thousand: once in a while, to find what grows faster than its input.
const MAX_BYTES = 16_384;
// Short enough for a million inputs.
const USUAL_BYTES = 1024;
// Bytes that mean something to some parser: ends of lines and texts, quotes, brackets, signs, borders of numbers and of UTF-8.
const TELLING = Uint8Array.from([0, 1, 9, 10, 13, 32, 34, 37, 39, 44, 45, 46, 47, 48, 57, 58, 59, 61, 63, 64, 92, 127, 128, 192, 255]);
const NUMBERS = ["0", "-1", "1", "255", "65536", "4294967295", "4294967296", "9007199254740991", "9007199254740992", "1e309", "NaN"].map(
  (text) => new Uint8Array(Buffer.from(text)),
);

type Mutation = (input: Uint8Array, dice: FuzzDice, source: MutationSource) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [flipBit, setByte, insertWord, insertWord, insertNumber, remove, repeat, splice, cut, swap];

/** A changed copy of an input: one to six changes, at most 1 KiB long, and of a hundred one at most 16. */
export function mutate(input: Uint8Array, dice: FuzzDice, source: MutationSource): Uint8Array {
  let changed: Uint8Array = input.slice();
  for (let left = 1 + dice.below(6); left > 0; left -= 1) changed = dice.pick(MUTATIONS)(changed, dice, source);
  return changed.subarray(0, dice.once(100) ? MAX_BYTES : USUAL_BYTES);
}

function flipBit(input: Uint8Array, dice: FuzzDice): Uint8Array {
  const at = dice.below(input.length);
  if (input.length > 0) input[at] = (input[at] ?? 0) ^ (1 << dice.below(8));
  return input;
}

function setByte(input: Uint8Array, dice: FuzzDice): Uint8Array {
  if (input.length > 0) input[dice.below(input.length)] = dice.once(2) ? dice.below(256) : (TELLING[dice.below(TELLING.length)] ?? 0);
  return input;
}

function insertWord(input: Uint8Array, dice: FuzzDice, { words }: MutationSource): Uint8Array {
  return insert(
    input,
    dice,
    words.length === 0 || dice.once(8) ? TELLING.subarray(dice.below(TELLING.length)).subarray(0, 1) : dice.pick(words),
  );
}

function insertNumber(input: Uint8Array, dice: FuzzDice): Uint8Array {
  return insert(input, dice, dice.pick(NUMBERS));
}

function insert(input: Uint8Array, dice: FuzzDice, part: Uint8Array): Uint8Array {
  const at = dice.below(input.length + 1);
  // In place of as many bytes, or between them.
  return join(input.subarray(0, at), part, input.subarray(dice.once(2) ? at + part.length : at));
}

function remove(input: Uint8Array, dice: FuzzDice): Uint8Array {
  const [start, end] = part(input, dice);
  return join(input.subarray(0, start), input.subarray(end));
}

function repeat(input: Uint8Array, dice: FuzzDice): Uint8Array {
  const [start, end] = part(input, dice);
  // Mostly twice; sometimes so often that a parser which looks back again and again shows it.
  const times = dice.once(20) ? dice.below(2000) : dice.below(3);
  const repeated = Buffer.alloc(Math.min((end - start) * times, MAX_BYTES), input.subarray(start, Math.max(end, start + 1)));
  return join(input.subarray(0, end), end > start ? repeated : Buffer.alloc(0), input.subarray(end));
}

function splice(input: Uint8Array, dice: FuzzDice, { others }: MutationSource): Uint8Array {
  if (others.length === 0) return input;
  const other = dice.pick(others);
  return join(input.subarray(0, dice.below(input.length + 1)), other.subarray(dice.below(other.length + 1)));
}

function cut(input: Uint8Array, dice: FuzzDice): Uint8Array {
  return input.slice(0, dice.below(input.length + 1));
}

function swap(input: Uint8Array, dice: FuzzDice): Uint8Array {
  const [start, end] = part(input, dice);
  return join(input.subarray(end), input.subarray(start, end), input.subarray(0, start));
}

function part(input: Uint8Array, dice: FuzzDice): readonly [start: number, end: number] {
  const start = dice.below(input.length + 1);
  return [start, start + dice.below(Math.min(input.length - start, 64) + 1)];
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
