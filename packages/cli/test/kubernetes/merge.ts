import { fieldsOf, isFields, textOf, type Fields } from "./object.ts";

// Lists of objects that are merged element by element, and what an element is known by (the API's own merge keys).
const LIST_KEYS: Readonly<Record<string, readonly string[]>> = {
  containers: ["name"],
  initContainers: ["name"],
  volumes: ["name"],
  env: ["name"],
  imagePullSecrets: ["name"],
  volumeMounts: ["mountPath"],
  volumeDevices: ["devicePath"],
  ports: ["containerPort", "port", "protocol"],
  hostAliases: ["ip"],
  topologySpreadConstraints: ["topologyKey", "whenUnsatisfiable"],
  conditions: ["type"],
  ownerReferences: ["uid"],
  secrets: ["name"],
};

/** JSON merge patch (RFC 7396). */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const merged: Fields = { ...fieldsOf(target) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(merged, key);
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

/** Strategic merge patch: lists of objects are merged by their keys, with the directives that kubectl and Helm 3 write. */
export function strategicPatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  if (patch["$patch"] === "replace") return without(patch, "$patch");
  const merged: Fields = { ...fieldsOf(target) };
  const kept = patch["$retainKeys"];
  if (Array.isArray(kept)) for (const key of Object.keys(merged)) if (!kept.includes(key)) Reflect.deleteProperty(merged, key);
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith("$deleteFromPrimitiveList/")) dropFrom(merged, key.slice(key.indexOf("/") + 1), value);
    else if (key.startsWith("$")) continue;
    else if (value === null) Reflect.deleteProperty(merged, key);
    else merged[key] = Array.isArray(value) ? mergedList(key, merged[key], value, patch) : strategicPatch(merged[key], value);
  }
  return merged;
}

function dropFrom(merged: Fields, key: string, dropped: unknown): void {
  const list = merged[key];
  if (Array.isArray(list) && Array.isArray(dropped)) merged[key] = list.filter((item) => !dropped.includes(item));
}

function mergedList(name: string, old: unknown, changes: readonly unknown[], patch: Fields): unknown[] {
  if (!isKeyed(name, changes)) return [...changes];
  const list = Array.isArray(old) ? old.filter(isFields) : [];
  for (const change of changes.filter(isFields)) {
    const at = list.findIndex((item) => keyOf(name, item) === keyOf(name, change));
    if (change["$patch"] === "delete") list.splice(at, at < 0 ? 0 : 1);
    else if (at < 0) list.push(change);
    else list[at] = fieldsOf(strategicPatch(list[at], change));
  }
  const order = patch[`$setElementOrder/${name}`];
  return Array.isArray(order) ? inOrder(name, list, order.filter(isFields)) : list;
}

function inOrder(name: string, list: Fields[], order: readonly Fields[]): Fields[] {
  const place = (item: Fields): number => {
    const at = order.findIndex((one) => keyOf(name, one) === keyOf(name, item));
    return at < 0 ? order.length : at;
  };
  return list.toSorted((a, b) => place(a) - place(b));
}

/** Server-side apply by one manager: what it applied before and does not any more goes, the rest is merged into what is there. */
export function applied(live: unknown, before: unknown, now: unknown, name = ""): unknown {
  if (isFields(now)) {
    const merged: Fields = { ...fieldsOf(live) };
    for (const key of Object.keys(fieldsOf(before))) if (!(key in now)) Reflect.deleteProperty(merged, key);
    for (const [key, value] of Object.entries(now))
      if (value !== null) merged[key] = applied(merged[key], fieldsOf(before)[key], value, key);
    return merged;
  }
  if (!Array.isArray(now) || !isKeyed(name, now)) return now;
  const [was, had] = [elements(live), elements(before)];
  const wanted = now.filter(isFields);
  const named = (list: readonly Fields[], item: Fields): Fields | undefined => list.find((one) => keyOf(name, one) === keyOf(name, item));
  const others = was.filter((item) => named(wanted, item) === undefined && named(had, item) === undefined);
  return [...wanted.map((item) => applied(named(was, item), named(had, item), item)), ...others];
}

function elements(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

function isKeyed(name: string, list: readonly unknown[]): boolean {
  return name in LIST_KEYS && list.every((item) => isFields(item) && (keyOf(name, item) !== "" || "$patch" in item));
}

function keyOf(name: string, item: Fields): string {
  const parts = (LIST_KEYS[name] ?? []).map((key) => textOf(key === "protocol" ? (item[key] ?? "TCP") : item[key]));
  return parts.every((part) => part === "" || part === "TCP") ? "" : parts.join("/");
}

function without(fields: Fields, key: string): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => name !== key));
}

/** JSON patch (RFC 6902): `add`, `remove`, `replace` and `test`; undefined where a test fails. */
export function jsonPatch(target: unknown, steps: readonly Fields[]): unknown {
  const root = structuredClone(target);
  for (const { op, path, value } of steps) {
    const parts = textOf(path)
      .split("/")
      .slice(1)
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = parts.pop() ?? "";
    let place: unknown = root;
    for (const part of parts) place = (place as Fields | undefined)?.[part];
    if (typeof place !== "object" || place === null) return undefined;
    if (op === "test" && JSON.stringify((place as Fields)[last]) !== JSON.stringify(value)) return undefined;
    if (op === "remove") remove(place as Fields, last);
    if (op === "add" || op === "replace") put(place as Fields, last, value, op);
  }
  return root;
}

function remove(place: Fields, key: string): void {
  if (Array.isArray(place)) place.splice(Number(key), 1);
  else Reflect.deleteProperty(place, key);
}

function put(place: Fields, key: string, value: unknown, op: "add" | "replace"): void {
  if (Array.isArray(place)) place.splice(key === "-" ? place.length : Number(key), op === "add" ? 0 : 1, value);
  else place[key] = value;
}
