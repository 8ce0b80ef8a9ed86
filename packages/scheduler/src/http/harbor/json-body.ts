/** A JSON object, or undefined: Harbor sends nothing else. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A member of an object whatever the case of its key, as Go's decoder finds it: an exact match first. */
export function member(object: JsonObject, name: string): unknown {
  if (Object.hasOwn(object, name)) return object[name];
  const wanted = name.toLowerCase();
  const key = Object.keys(object).find((one) => one.toLowerCase() === wanted);
  return key === undefined ? undefined : object[key];
}

/** A member that is a text, "" where it is missing or null; undefined where it is something else. */
export function textMember(object: JsonObject, name: string): string | undefined {
  const value = member(object, name);
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : undefined;
}
