import type { RawConfig } from "./config.ts";

/** Whether `value` is a map of keys (as YAML and JSON make them). */
export function isMap(value: unknown): value is RawConfig {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `over` laid on `under`: maps key by key, everything else replaced; an undefined or empty (null) value covers nothing. */
export function overlay(under: RawConfig, over: RawConfig): RawConfig {
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined || value === null) continue;
    const below = merged[key];
    setOwn(merged, key, isMap(value) ? overlay(isMap(below) ? below : {}, value) : value);
  }
  return merged;
}

/** The tree with the value at `path`; a value that stands where a map should be stays, so that it is reported. */
export function withValue(tree: RawConfig, path: readonly string[], value: unknown): RawConfig {
  const [key, ...rest] = path;
  if (key === undefined) return tree;
  if (rest.length === 0) return { ...tree, [key]: value };
  const below = tree[key] ?? {};
  return isMap(below) ? { ...tree, [key]: withValue(below, rest, value) } : tree;
}

/** The value at `path`, undefined where there is none. */
export function valueAt(tree: unknown, path: readonly PropertyKey[]): unknown {
  let value = tree;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

/** `["registries", "harbor.corp", "realms", 0]` as `registries."harbor.corp".realms[0]`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${String(step)}]`;
    const name = /^[\w-]+$/.test(String(step)) ? String(step) : JSON.stringify(String(step));
    return text === "" ? name : `${text}.${name}`;
  }, "");
}

// An assignment to `__proto__` would change the object instead of getting a key that is then reported as unknown.
function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
}
