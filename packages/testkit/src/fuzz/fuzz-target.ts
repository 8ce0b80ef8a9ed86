import type { FuzzDice } from "./fuzz-dice.ts";

/** A parser that takes bytes from outside, with what must hold for every input. */
export type FuzzTarget = {
  /** Kebab-case, the same for all time: it names the kept corpus. */
  readonly name: string;
  /** Inputs of each kind that the parser knows. */
  readonly seeds: readonly (string | Uint8Array)[];
  /** Words that stand in such inputs, to be put in between. */
  readonly words: readonly string[];
  /** Makes an input that is nearly right; absent: inputs come from seeds and corpus only. */
  readonly make?: (dice: FuzzDice) => string | Uint8Array;
  /**
   * Gives the input to the parser and throws where the oracle is broken. Says in a few words from a small set how it went: an input
   * that ends in a new way is kept and changed further.
   */
  readonly check: (input: Uint8Array) => string | Promise<string>;
  /** Gives back what the target holds, after the last input. */
  readonly close?: () => Promise<void>;
};

/** The bytes of an input as text of one character a byte: what a header or a request line looks like to a parser. */
export function latin1(input: Uint8Array): string {
  return Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString("latin1");
}

/** The bytes of an input as UTF-8. */
export function utf8(input: Uint8Array): string {
  return Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString("utf8");
}
