import { PieceSet } from "@darner/domain";

/** Takes every event and effect of a run; the hash over all of them names it. */
export class Trace {
  readonly #print: ((line: string) => void) | undefined;
  readonly #double = new Float64Array(1);
  readonly #halves = new Uint32Array(this.#double.buffer);
  // Two independent lanes of 32 bits: a run of ten thousand hosts has some ten million entries, too many for a cryptographic hash.
  #left = 0x9e3779b9;
  #right = 0x85ebca6b;

  constructor(print?: (line: string) => void) {
    this.#print = print;
  }

  /** Notes what happened to whom (`<` an event in, `>` an effect out). */
  note(at: number, who: string, arrow: "<" | ">" | "!", thing: object): void {
    this.#number(at);
    this.#text(who);
    this.#mix(arrow.charCodeAt(0));
    this.#walk(thing);
    this.#print?.(`${at.toFixed(3)} ${who} ${arrow} ${oneLine(thing)}`);
  }

  /** The hash so far, as 16 hex digits. */
  digest(): string {
    return hex(this.#left) + hex(this.#right);
  }

  #walk(value: unknown): void {
    if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#text(value);
    else if (typeof value !== "object" || value === null) this.#mix(Number(value));
    else if (value instanceof Uint8Array) this.#mix((value.length << 8) ^ (value[0] ?? 0) ^ (value.at(-1) ?? 0));
    else if (value instanceof PieceSet) this.#mix(value.count);
    else this.#parts(value);
  }

  #parts(value: object): void {
    if (Array.isArray(value)) {
      this.#mix(value.length);
      for (const part of value as readonly unknown[]) this.#walk(part);
    } else for (const key in value) this.#walk((value as Record<string, unknown>)[key]);
  }

  #number(value: number): void {
    if ((value | 0) === value) {
      this.#mix(value);
      return;
    }
    this.#double[0] = value;
    this.#mix(this.#halves[0] ?? 0);
    this.#mix(this.#halves[1] ?? 0);
  }

  #text(text: string): void {
    let mixed = text.length;
    for (let index = 0; index < text.length; index++) mixed = Math.imul(mixed, 31) + text.charCodeAt(index);
    this.#mix(mixed);
  }

  #mix(word: number): void {
    const left = Math.imul(this.#left ^ word, 0xcc9e2d51);
    this.#left = (left << 15) | (left >>> 17);
    const right = Math.imul(this.#right + word, 0x1b873593);
    this.#right = right ^ (right >>> 13);
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}

/** An event or effect on one line: bytes and sets as their size, everything else as it is. */
function oneLine(thing: object): string {
  return JSON.stringify(thing, (_key, value: unknown) => {
    if (value instanceof Uint8Array) return `${String(value.length)}B:${String(value[0])}`;
    if (value instanceof PieceSet) return `have:${String(value.count)}`;
    return value;
  });
}
