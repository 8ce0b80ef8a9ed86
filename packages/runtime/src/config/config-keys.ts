import { z } from "zod";
import { configSchema } from "./config-schema.ts";
import { aboutKeys } from "./config-values.ts";
import type { KeyAbout } from "./config-values.ts";

/** A key of the configuration as people meet it. */
export type ConfigKey = KeyAbout & {
  /** `store.maxBytes`; `registries.<name>.plainHttp` for a key of a map's entry. */
  readonly path: string;
  /** Absent for a key of a map's entry: the map is set as a whole. */
  readonly override?: { readonly env: string; readonly flag: string };
  /** The default as it would be written; absent where the key has none. */
  readonly default?: string;
};

/** All keys in the order of the schema. */
export const CONFIG_KEYS: readonly ConfigKey[] = Object.freeze(keysBelow(configSchema, [], true));

/** `store.maxBytes` as an environment variable: `DARNER_STORE_MAX_BYTES`. */
export function envNameOf(path: string): string {
  return `DARNER_${path
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(".", "_")
    .toUpperCase()}`;
}

/** The keys that may stand in the map at `path`; undefined where there is no such map, or its keys are free. */
export function keysOfSection(path: readonly PropertyKey[]): readonly string[] | undefined {
  const schema = unwrapped(schemaAt(path));
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : undefined;
}

/** What people are told of the innermost key on the way to `path`: of the list, for an item of it. */
export function aboutPath(path: readonly PropertyKey[]): KeyAbout | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const schema = schemaAt(path.slice(0, length));
    const about = schema === undefined ? undefined : aboutKeys.get(schema);
    if (about !== undefined) return about;
    if (unwrapped(schema) instanceof z.ZodObject) return undefined;
  }
  return undefined;
}

function keysBelow(schema: z.ZodType, path: readonly string[], overridable: boolean): ConfigKey[] {
  const about = aboutKeys.get(schema);
  const own = about === undefined ? [] : [configKey(schema, about, path.join("."), overridable)];
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodRecord) return [...own, ...keysBelow(inner.valueType as z.ZodType, [...path, "<name>"], false)];
  if (!(inner instanceof z.ZodObject)) return own;
  const shape = inner.shape as Record<string, z.ZodType>;
  return Object.entries(shape).flatMap(([name, child]) => keysBelow(child, [...path, name], overridable));
}

function configKey(schema: z.ZodType, about: KeyAbout, path: string, overridable: boolean): ConfigKey {
  const fallback = about.shownDefault ?? shown(schema.safeParse(undefined).data);
  const override = overridable ? { override: { env: envNameOf(path), flag: `--${path}` } } : {};
  return { ...about, path, ...override, ...(fallback === undefined ? {} : { default: fallback }) };
}

function shown(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}

function schemaAt(path: readonly PropertyKey[]): z.ZodType | undefined {
  let schema: z.ZodType | undefined = configSchema;
  for (const step of path) {
    const inner = unwrapped(schema);
    if (inner instanceof z.ZodObject) schema = (inner.shape as Record<PropertyKey, z.ZodType | undefined>)[step];
    else if (inner instanceof z.ZodRecord) schema = inner.valueType as z.ZodType;
    else return undefined;
  }
  return schema;
}

/** The schema without what gives it a default or makes it optional. */
function unwrapped(schema: z.ZodType | undefined): z.ZodType | undefined {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodExactOptional) {
    return unwrapped(schema.unwrap() as z.ZodType);
  }
  return schema;
}
