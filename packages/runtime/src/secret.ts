import { inspect } from "node:util";

/** A credential. It prints, serialises and inspects as `redacted`; only `reveal` gives the value. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself: to be put on the wire to the one it is meant for, nowhere else. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "redacted";
  }

  toJSON(): string {
    return "redacted";
  }
}

// Node's inspect (console, assert, pino's fallback) asks by this symbol; a computed method name would need no type to be written.
Object.defineProperty(Secret.prototype, inspect.custom, { value: () => "redacted" });
