import type { z } from "zod";
import type { RawConfig } from "./config.ts";
import type { ConfigProblem } from "./config-file.ts";
import { aboutPath, CONFIG_KEYS, keysOfSection } from "./config-keys.ts";
import { isMap, pathText, valueAt } from "./config-tree.ts";
import { nearMiss } from "./near-miss.ts";

/** Says where the value at a path was written. */
export type PlaceOf = (path: readonly PropertyKey[]) => string | undefined;

// A value is shown so that it is recognised, not read in full.
const MAX_SHOWN_CHARS = 60;

/** What the schema found, in words: one problem per wrong key. */
export function problemsOf(error: z.ZodError, tree: RawConfig, placeOf: PlaceOf): ConfigProblem[] {
  const found = error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") return issue.keys.map((name) => unknownKey(issue.path, name, placeOf));
    return [problemAt(issue.path, wrongValue(issue, tree), placeOf)];
  });
  // A value that breaks two rules of one key is one problem.
  return [...new Map(found.map((problem) => [problem.path, problem])).values()];
}

function problemAt(path: readonly PropertyKey[], problem: string, placeOf: PlaceOf): ConfigProblem {
  const from = placeOf(path);
  return { path: pathText(path), problem, ...(from === undefined ? {} : { from }) };
}

function unknownKey(section: readonly PropertyKey[], name: string, placeOf: PlaceOf): ConfigProblem {
  const siblings = keysOfSection(section) ?? [];
  const meant = nearMiss(name, siblings) ?? elsewhere(name);
  const accepted = meant === undefined ? `; accepted here: ${siblings.join(", ")}` : `; did you mean ${meant}?`;
  return problemAt([...section, name], `unknown key${accepted}`, placeOf);
}

/** The full path of a key that has this very name in another section. */
function elsewhere(name: string): string | undefined {
  return CONFIG_KEYS.find((key) => key.path.split(".").at(-1) === name || key.path === name)?.path;
}

function wrongValue(issue: z.core.$ZodIssue, tree: RawConfig): string {
  const value = valueAt(tree, issue.path);
  if (issue.code === "invalid_key")
    return `is not the name of a registry; takes ${aboutPath(issue.path.slice(0, -1))?.takes ?? "another name"}`;
  const about = aboutPath(issue.path);
  if (about === undefined) {
    const keys = keysOfSection(issue.path) ?? [];
    return `is ${kindOf(value)}; takes a map of keys: ${keys.join(", ")}`;
  }
  return value === undefined ? `is missing; takes ${about.takes}` : `is ${shown(value)}; takes ${about.takes}`;
}

function shown(value: unknown): string {
  if (isMap(value) || Array.isArray(value)) return kindOf(value);
  const text = JSON.stringify(value);
  return text.length <= MAX_SHOWN_CHARS ? text : `${text.slice(0, MAX_SHOWN_CHARS)}…`;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  return isMap(value) ? "a map" : `a ${typeof value === "string" ? "text" : typeof value}`;
}
