import { createHash } from "node:crypto";

/** One line per event and effect; the hash over all of them names the run. */
export class Trace {
  readonly #hash = createHash("sha256");
  readonly #print: ((line: string) => void) | undefined;

  constructor(print?: (line: string) => void) {
    this.#print = print;
  }

  line(at: number, text: string): void {
    const line = `${at.toFixed(3)} ${text}`;
    this.#hash.update(line);
    this.#hash.update("\n");
    this.#print?.(line);
  }

  /** The first 16 hex digits of the hash; ends the trace. */
  digest(): string {
    return this.#hash.digest("hex").slice(0, 16);
  }
}

/** An event or effect on one line: bytes and sets as their size, everything else as it is. */
export function oneLine(thing: object): string {
  return JSON.stringify(thing, (_key, value: unknown) => {
    if (value instanceof Uint8Array) return `${String(value.length)}B:${String(value[0])}`;
    if (typeof value === "object" && value !== null && "isFull" in value && "count" in value) return `have:${String(value.count)}`;
    return value;
  });
}
