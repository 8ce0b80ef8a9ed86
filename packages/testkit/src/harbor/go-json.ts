import { parseGoTime, ZERO_TIME, type GoTime } from "./go-time.ts";

/** How a value of JSON becomes a value of Go: what an absent one or null is, and what any other is. Throws where Go's decoder would. */
export type GoType<T> = { readonly zero: T; readonly read: (value: unknown, path: string) => T };

/** A number as it was written: Go tells 1 from 1.0. */
class NumberLiteral {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type SourceReviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;

/** Decodes a body as Go's encoding/json does into a struct; null and absent keys leave the zero value, keys match in any case. */
export function decodeGoJson<T>(body: Uint8Array, type: GoType<T>): T {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(body);
  if (text.trim() === "") throw new Error("unexpected end of JSON input");
  let value: unknown;
  const keepLiterals: SourceReviver = (_key, read, { source }) => (typeof read === "number" ? new NumberLiteral(source ?? "") : read);
  try {
    value = JSON.parse(text, keepLiterals as (key: string, value: unknown) => unknown);
  } catch (error) {
    throw new Error(`invalid character in JSON: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  return readOr(type, value, "");
}

/** Encodes as Go's json.Marshal: the three HTML characters and the two line separators are escaped. */
export function encodeGoJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export const goString: GoType<string> = {
  zero: "",
  read: (value, path) => (typeof value === "string" ? value : mismatch(value, path, "string")),
};

/** A 64-bit int: an integer literal, no fraction, no exponent. */
export const goInt: GoType<bigint> = integer("int", -MAX_INT64 - 1n, MAX_INT64);

export const goUint: GoType<bigint> = integer("uint", 0n, MAX_UINT64);

export const goTime: GoType<GoTime> = {
  zero: ZERO_TIME,
  read: (value) => {
    if (typeof value !== "string") throw new Error("Time.UnmarshalJSON: input is not a JSON string");
    return parseGoTime(value);
  },
};

/** A slice of values; null within it is the zero value. */
export function goSlice<T>(item: GoType<T>): GoType<readonly T[]> {
  return { zero: [], read: (value, path) => sliceOf(value, path).map((one) => readOr(item, one, path)) };
}

/** A slice of pointers; null within it stays null, and who follows it crashes. */
export function goPointerSlice<T>(item: GoType<T>): GoType<readonly (T | null)[]> {
  return { zero: [], read: (value, path) => sliceOf(value, path).map((one) => (one === null ? null : item.read(one, path))) };
}

type Fields = Readonly<Record<string, GoType<unknown>>>;
type StructOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends GoType<infer T> ? T : never };

/** A struct by the names of its JSON keys. */
export function goStruct<F extends Fields>(fields: F): GoType<StructOf<F>> {
  const zero = Object.fromEntries(Object.entries(fields).map(([key, type]) => [key, type.zero]));
  return {
    zero: zero as StructOf<F>,
    read: (value, path) => {
      if (!isObject(value)) return mismatch(value, path, "struct");
      const struct = { ...zero };
      for (const [key, given] of Object.entries(value)) {
        const name = Object.hasOwn(fields, key) ? key : Object.keys(fields).find((one) => folded(one) === folded(key));
        const type = name === undefined ? undefined : fields[name];
        if (name !== undefined && type !== undefined && given !== null) struct[name] = type.read(given, `${path}.${name}`);
      }
      return struct as StructOf<F>;
    },
  };
}

function readOr<T>(type: GoType<T>, value: unknown, path: string): T {
  return value === null ? type.zero : type.read(value, path);
}

function integer(name: string, least: bigint, most: bigint): GoType<bigint> {
  const read = (value: unknown, path: string): bigint => {
    const digits = least < 0n ? /^-?[0-9]+$/ : /^[0-9]+$/;
    if (!(value instanceof NumberLiteral) || !digits.test(value.text)) return mismatch(value, path, name);
    const number = BigInt(value.text);
    return number < least || number > most ? mismatch(value, path, name) : number;
  };
  return { zero: 0n, read };
}

function sliceOf(value: unknown, path: string): readonly unknown[] {
  return Array.isArray(value) ? value : mismatch(value, path, "slice");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof NumberLiteral);
}

/** Go folds case by Unicode: the long s and the Kelvin sign are letters like any other. */
function folded(key: string): string {
  return key.toUpperCase().toLowerCase();
}

function mismatch(value: unknown, path: string, wanted: string): never {
  const given = value instanceof NumberLiteral ? `number ${value.text}` : Array.isArray(value) ? "array" : typeof value;
  throw new Error(`json: cannot unmarshal ${given} into Go struct field ${path === "" ? "value" : path.slice(1)} of type ${wanted}`);
}
